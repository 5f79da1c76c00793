"""Endpoints of commit statuses: https://docs.github.com/en/rest/commits/statuses."""

from __future__ import annotations

from .. import queueing, rules
from ..errors import ApiError
from ..exchange import Call, Reply, Route
from ..gates import latest_statuses
from ..shapes import commits as shapes
from ..shapes.common import iso
from ..shapes.repos import short_branch
from ..state import Status
from .commits import commit_of, resolve, shape_of


async def create_status(call: Call) -> Reply:
    rules.status_body(call.body)
    sha = call.args["sha"]
    commit = await call.sim.git.commit(call.repo.id, sha) if len(sha) == 40 else None
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {sha}", [])
    context = str(call.body.get("context", "default"))
    rules.status_count(call.repo, sha, context)
    status = Status(
        id=call.sim.world.next_id("status"),
        sha=sha,
        state=call.body["state"],
        context=context,
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
        creator=call.caller.account,
        app_id=call.caller.app.id if call.caller.app is not None else None,
    )
    call.repo.statuses.setdefault(sha, []).append(status)
    await _tell(call, status)
    await queueing.checks_changed(call.sim, call.repo)
    shape = shapes.status(call.sim.urls, call.repo, status)
    return Reply(201, shape, {"Location": shape["url"]}, made=status.id)


async def _tell(call: Call, status: Status) -> None:
    commit = await commit_of(call, status.sha)
    heads = [r for r, s in call.repo.refs.items() if s == status.sha and "refs/heads/" in r]
    urls, repo = call.sim.urls, call.repo
    names = [ref.removeprefix("refs/heads/") for ref in heads]
    payload = {
        "id": status.id,
        "sha": status.sha,
        "name": repo.full_name,
        "context": status.context,
        "description": status.description,
        "state": status.state,
        "target_url": status.target_url,
        "avatar_url": f"{urls.web}/avatars/u/{status.creator.id}",
        "commit": shape_of(call, commit),
        "branches": [short_branch(urls, repo, name, status.sha) for name in names],
        "created_at": iso(status.created_at),
        "updated_at": iso(status.created_at),
    }
    call.sim.emit("status", repo, status.creator, payload)


async def list_statuses(call: Call) -> Reply:
    found = list(reversed(call.repo.statuses.get(await resolve(call), [])))
    items, headers = call.page(found)
    body = [shapes.status(call.sim.urls, call.repo, one) for one in items]
    return Reply(body=body, headers=headers)


async def combined_status(call: Call) -> Reply:
    sha = await resolve(call)
    latest = latest_statuses(call.repo, sha)
    states = {one.state for one in latest}
    if states & {"failure", "error"}:
        state = "failure"
    else:
        state = "success" if states == {"success"} else "pending"
    return Reply(body=shapes.combined(call.sim.urls, call.repo, sha, state, latest))


_REPO = "/repos/{owner}/{repo}"
_READ = (("statuses", "read"),)
ROUTES = (
    Route("POST", f"{_REPO}/statuses/{{sha}}", create_status, (("statuses", "write"),), role="write"),
    Route("GET", f"{_REPO}/commits/{{ref}}/statuses", list_statuses, _READ),
    Route("GET", f"{_REPO}/commits/{{ref}}/status", combined_status, _READ),
)
