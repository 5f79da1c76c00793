"""Endpoints of repositories, collaborators, branch protection, users and rate limits."""

from __future__ import annotations

import time

from ..errors import ApiError, invalid, not_found
from ..exchange import Call, Reply, Route
from ..owning import delete_repo, rename_repo, transfer_repo
from ..shapes import common
from ..shapes import repos as shapes
from ..state import RANK, Json, Protection, Role


def _role(call: Call) -> Role | None:
    user = call.caller.user
    return call.sim.world.role(user, call.repo) if user is not None else None


async def get_repo(call: Call) -> Reply:
    return Reply(body=shapes.full(call.sim.urls, call.repo, _role(call)))


async def patch_repo(call: Call) -> Reply:
    """Of all that can be changed: the name, privacy and the default branch."""
    repo, body = call.repo, call.body
    if "default_branch" in body:
        if repo.head_of(str(body["default_branch"])) is None:
            raise invalid("default_branch", "The branch was not found", "Repository")
        repo.default_branch = str(body["default_branch"])
    repo.private = bool(body.get("private", repo.private))
    name = body.get("name")
    if name is not None and name != repo.name:
        if call.sim.world.repo(repo.owner.login, str(name)) is not None:
            raise invalid("name", "name already exists on this account", "Repository")
        rename_repo(call.sim, repo, str(name), call.caller.account)
    return Reply(body=shapes.full(call.sim.urls, repo, _role(call)))


async def delete(call: Call) -> Reply:
    await delete_repo(call.sim, call.repo, call.caller.account)
    return Reply(204)


async def transfer(call: Call) -> Reply:
    owner = call.sim.world.account(str(call.body.get("new_owner", "")))
    if owner is None:
        raise invalid("new_owner", "new_owner was not found", "Repository")
    transfer_repo(call.sim, call.repo, owner, call.body.get("new_name"), call.caller.account)
    return Reply(202, shapes.minimal(call.sim.urls, call.repo))


async def list_activities(call: Call) -> Reply:
    """The newest first; `ref` may be a branch's name alone. No cursors: nobody here asks for more."""
    wanted = call.query.get("ref", "")
    names = {wanted, f"refs/heads/{wanted}"}
    found = [one for one in call.repo.activities if not wanted or one.ref in names]
    if call.query.get("direction", "desc") == "desc":
        found.reverse()
    size = min(max(int(call.query.get("per_page", "30")), 1), 100)
    return Reply(body=[shapes.activity(call.sim.urls, one) for one in found[:size]])


async def get_permission(call: Call) -> Reply:
    """404 for someone who is not a collaborator, where the forge is set to answer so."""
    repo, world = call.repo, call.sim.world
    user = world.account(call.args["username"])
    if user is None or (call.sim.nonmember_404 and not world.is_member(user, repo)):
        raise not_found()
    shape = common.user(call.sim.urls, user)
    return Reply(body=shapes.permission(call.sim.urls, repo, shape, world.role(user, repo)))


async def put_collaborator(call: Call) -> Reply:
    """Takes effect at once; nobody has to accept an invitation here."""
    user = call.sim.world.account(call.args["username"])
    if user is None:
        raise not_found()
    names = {"pull": "read", "push": "write"}
    asked = str(call.body.get("permission", "push"))
    role = names.get(asked, asked)
    if role not in RANK:
        raise invalid("permission", "no such permission", "Repository")
    call.repo.collaborators[user.id] = role  # type: ignore[assignment]  # checked above
    return Reply(204)


async def delete_collaborator(call: Call) -> Reply:
    user = call.sim.world.account(call.args["username"])
    if user is not None:
        call.repo.collaborators.pop(user.id, None)
    return Reply(204)


async def get_protection(call: Call) -> Reply:
    name = call.args["branch"]
    rule = call.repo.protections.get(name)
    if rule is None:
        raise ApiError(404, "Branch not protected")
    return Reply(body=shapes.protection(call.sim.urls, call.repo, name, rule))


async def put_protection(call: Call) -> Reply:
    name = call.args["branch"]
    required = call.body.get("required_status_checks") or {}
    rule = Protection(
        checks=_required(required),
        strict=bool(required.get("strict", False)),
        enforce_admins=bool(call.body.get("enforce_admins")),
    )
    call.repo.protections[name] = rule
    return Reply(body=shapes.protection(call.sim.urls, call.repo, name, rule))


def _required(required: Json) -> list[tuple[str, int | None]]:
    """``checks`` may pin an App (-1: any); ``contexts`` is the older form without."""
    pinned = {
        str(one["context"]): None if one.get("app_id") in (None, -1) else int(one["app_id"])
        for one in required.get("checks", [])
    }
    return list(({str(name): None for name in required.get("contexts", [])} | pinned).items())


async def delete_protection(call: Call) -> Reply:
    if call.repo.protections.pop(call.args["branch"], None) is None:
        raise ApiError(404, "Branch not protected")
    return Reply(204)


async def branch_rules(call: Call) -> Reply:
    """Of every ruleset that is active for a branch, whether that is there or not."""
    ruleset = call.repo.rulesets.get(call.args["branch"])
    items, headers = call.page(shapes.rules(call.repo, ruleset) if ruleset is not None else [])
    return Reply(body=list(items), headers=headers)


async def get_me(call: Call) -> Reply:
    if call.caller.user is None:
        raise ApiError(403, "Resource not accessible by integration")
    return Reply(body=common.public_user(call.sim.urls, call.caller.user))


async def get_user(call: Call) -> Reply:
    user = call.sim.world.account(call.args["username"])
    if user is None:
        raise not_found()
    return Reply(body=common.public_user(call.sim.urls, user))


async def rate_limit(call: Call) -> Reply:
    bucket = call.sim.limits.bucket(call.caller.who)
    limit = call.sim.limits.limits.primary
    core = {
        "limit": limit,
        "used": bucket.used,
        "remaining": max(limit - bucket.used, 0),
        "reset": int(bucket.window_ends),
    }
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": int(time.time()) + 60}
    return Reply(body={"resources": {"core": core, "search": search}, "rate": core})


_REPO = "/repos/{owner}/{repo}"
_PERSON = f"{_REPO}/collaborators/{{username}}"
_PROTECTION = f"{_REPO}/branches/{{branch}}/protection"
_ADMIN = (("administration", "write"),)
ROUTES = (
    Route("GET", _REPO, get_repo),
    Route("GET", "/repositories/{id}", get_repo),
    Route("PATCH", _REPO, patch_repo, _ADMIN, role="admin"),
    Route("DELETE", _REPO, delete, _ADMIN, role="admin"),
    Route("POST", f"{_REPO}/transfer", transfer, _ADMIN, role="admin"),
    Route("GET", f"{_REPO}/activity", list_activities, (("contents", "read"),)),
    Route("GET", f"{_PERSON}/permission", get_permission, role="write"),
    Route("PUT", _PERSON, put_collaborator, _ADMIN, role="admin"),
    Route("DELETE", _PERSON, delete_collaborator, _ADMIN, role="admin"),
    Route("GET", _PROTECTION, get_protection, (("administration", "read"),), role="admin"),
    Route("PUT", _PROTECTION, put_protection, _ADMIN, role="admin"),
    Route("DELETE", _PROTECTION, delete_protection, _ADMIN, role="admin"),
    Route("GET", f"{_REPO}/rules/branches/{{branch}}", branch_rules),
    Route("GET", "/user", get_me, by="any"),
    Route("GET", "/users/{username}", get_user, by="any"),
    Route("GET", "/rate_limit", rate_limit, by="any"),
)
