"""The control API below ``/_sim/``: sets the scene, plants faults, reads the ledger. Not GitLab.

Bodies and answers are JSON; a wrong request is answered 4xx with ``{"message": …}``. The paths are those
of the simulated GitHub's control API wherever they mean the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from .. import levers
from ..gitwrite import commit_files
from . import owning, pipelines, pushes, registering
from .access import make_token, members_of, today
from .errors import ApiError
from .shapes.hooks import alert_status
from .shapes.pipelines import status_shape
from .sim import Sim
from .state import (
    DEVELOPER,
    LEVELS,
    MAINTAINER,
    NO_ACCESS,
    OWNER,
    REPORTER,
    CommitStatus,
    Group,
    Json,
    Pipeline,
    Project,
    User,
)

#: The scenarios' roles, in GitLab's levels; a number, or GitLab's own word, will do as well.
ROLES = LEVELS | {
    "none": NO_ACCESS,
    "read": REPORTER,
    "triage": REPORTER,
    "write": DEVELOPER,
    "maintain": MAINTAINER,
    "admin": OWNER,
}


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    for method, path, handler in (*_ROUTES, *levers.ROUTES):
        router.add_route(method, f"/_sim{path}", levers.wrap(sim, handler))


def level(role: Any) -> int:
    if isinstance(role, int):
        return role
    if role not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return ROLES[role]


def _user(sim: Sim, login: str) -> User:
    found = sim.world.user(login)
    if found is None:
        raise ApiError(404, f"no user {login}")
    return found


def _project(sim: Sim, name: str) -> Project:
    found = sim.world.project(name)
    if found is None:
        raise ApiError(404, f"no project {name}")
    return found


def _place(sim: Sim, name: str) -> Project | Group:
    return sim.world.group(name) or _project(sim, name)


def _bot(sim: Sim, number: Any) -> registering.Bot:
    found = sim.bots.get(int(number))
    if found is None:
        raise ApiError(404, f"no bot {number}")
    return found


async def _users(sim: Sim, request: web.Request, body: Json) -> Json:
    """{login, admin?}."""
    user = owning.create_user(sim, str(body["login"]), admin=bool(body.get("admin", False)))
    return {
        "login": user.username,
        "id": user.id,
        "token": owning.personal_token(sim, user).text,
    }


async def _orgs(sim: Sim, request: web.Request, body: Json) -> Json:
    """{login, members: {login: role}, visibility?}: a group at any depth; members count in all below it."""
    group = owning.create_group(sim, str(body["login"]), body.get("visibility", "public"))
    for login, role in body.get("members", {}).items():
        owning.set_member(group, owning.create_user(sim, login), level(role))
    return {"login": group.full_path, "id": group.id}


async def _repos(sim: Sim, request: web.Request, body: Json) -> Json:
    """An owner who is not there yet becomes a group. ``protected`` false leaves the default branch open."""
    owner = str(body["owner"])
    space = sim.world.user(owner) or owning.create_group(sim, owner)
    name = str(body["name"])
    visibility = body.get("visibility", "private" if body.get("private") else "public")
    project = await owning.create_project(
        sim,
        space,
        name,
        owning.create_user(sim, "forge-owner"),
        visibility=visibility,
        branch=str(body.get("default_branch", "main")),
        files=body.get("files", {"README.md": f"# {name}\n"}),
        protected=bool(body.get("protected", True)),
    )
    for login, role in body.get("collaborators", {}).items():
        owning.set_member(project, owning.create_user(sim, login), level(role))
    return _about_project(sim, project)


def _about_project(sim: Sim, project: Project) -> Json:
    return {
        "id": project.id,
        "full_name": project.full_path,
        "private": project.visibility == "private",
        "default_branch": project.default_branch,
        "clone_url": f"{sim.urls.project(project)}.git",
        "sha": project.head_of(project.default_branch),
        "refs": project.refs,
    }


async def _commit(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, branch, files, message, login}: a commit without a clone, with all a push's events."""
    project, author = _project(sim, body["repo"]), _user(sim, body["login"])
    branch = str(body.get("branch", project.default_branch))
    message = str(body.get("message", "Change files"))
    async with sim.lock(project):
        start = project.head_of(project.default_branch)
        if project.head_of(branch) is None and start:
            await sim.git.update_ref(project.id, f"refs/heads/{branch}", start)
        sha = await commit_files(sim.git, project.id, branch, body["files"], message, author)
        await pushes.settle(sim, project, author)
    return {"sha": sha}


async def _forks(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, owner}: into the owner's namespace (a group's, if there is one of that path)."""
    name = str(body["owner"])
    group = sim.world.group(name)
    by = owning.create_user(sim, name) if group is None else _user(sim, str(body["login"]))
    project = await owning.fork_project(sim, _project(sim, body["repo"]), group or by, by)
    return _about_project(sim, project)


async def _apps(sim: Sim, request: web.Request, body: Json) -> Json:
    """{slug, webhook_url, webhook_secret?, scopes?, expires_at?}: what ci-bot is on GitLab: a user."""
    bot = registering.create_bot(
        sim,
        str(body["slug"]),
        url=str(body.get("webhook_url") or ""),
        secret=str(body.get("webhook_secret") or ""),
        scopes=tuple(body.get("scopes", ("api", "read_repository"))),
        expires_on=body.get("expires_at"),
    )
    return {
        "id": bot.user.id,
        "bot_id": bot.user.id,
        "slug": bot.user.username,
        "token": bot.token,
        "webhook_secret": bot.secret,
    }


async def _installations(sim: Sim, request: web.Request, body: Json) -> Json:
    """{app_id, account, repositories?, level?}: member of the group, or of some projects, with a hook each."""
    bot, names = _bot(sim, body["app_id"]), body.get("repositories")
    account = str(body["account"])
    places: list[Group | Project]
    if names is None:
        places = [sim.world.group(account) or owning.create_group(sim, account)]
    else:
        places = [_project(sim, n if "/" in n else f"{account}/{n}") for n in names]
    hooks = [registering.install(sim, bot, one, level(body.get("level", MAINTAINER))) for one in places]
    return {"id": hooks[0].id if hooks else 0, "app_id": bot.user.id, "account": account}


async def _set_hook(sim: Sim, request: web.Request, body: Json) -> Json:
    bot = _bot(sim, request.match_info["id"])
    registering.set_hook(sim, bot, body.get("url"), body.get("secret"))
    return {"url": bot.url}


async def _tokens(sim: Sim, request: web.Request, body: Json) -> Json:
    """{login, scopes, expires_at?, name?} makes one; {token, expires_at?, revoked?} changes it."""
    if "token" in body:
        token = sim.world.tokens[str(body["token"])]
        token.expires_on = body.get("expires_at", token.expires_on)
        token.revoked = bool(body.get("revoked", token.revoked))
    else:
        user, name = _user(sim, body["login"]), str(body.get("name", "made by a test"))
        token = make_token(sim.world, user, name, tuple(body["scopes"]), body.get("expires_at"))
    return {"id": token.id, "token": token.text, "expires_at": token.expires_on}


async def _collaborators(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, login, permission, expires_at?}: of a project or a group, at once; "none" takes it away."""
    place, user = _place(sim, body["repo"]), _user(sim, body["login"])
    owning.set_member(place, user, level(body["permission"]), body.get("expires_at"))
    held = members_of(place).get(user.id)
    return {"permission": held.level if held else NO_ACCESS}


async def _people(sim: Sim, request: web.Request, body: Json) -> Json:
    """{login, state}: active or blocked."""
    user = _user(sim, body["login"])
    user.state = str(body["state"])
    return {"state": user.state}


async def _deliver(sim: Sim, request: web.Request, body: Json) -> Json:
    """``event`` is a trigger such as push_hooks, or the name that X-Gitlab-Event will have."""
    bot, payload = _bot(sim, body["app_id"]), body["payload"]
    hook = next((h for h in sim.world.hooks.values() if h.creator is bot.user), None)
    if hook is None:
        raise ApiError(404, "it has no hook yet")
    raw = payload.encode() if isinstance(payload, str) else payload
    headers = {str(k): str(v) for k, v in body.get("headers", {}).items()}
    trigger = str(body["event"])
    if not trigger.endswith("_hooks"):
        headers, trigger = {"X-Gitlab-Event": trigger, **headers}, "push_hooks"
    return {"status": await sim.hooks.send_now(hook, trigger, raw, headers)}


async def _settings(sim: Sim, request: web.Request, body: Json) -> Json:
    """{version, tier, local_hooks, backoff_first: of config.Config; limits: {field of config.Limits: value},
    reset_limits: true, expire_tokens: true}."""
    names = ("version", "tier", "local_hooks", "backoff_first")
    sim.config = replace(sim.config, **{n: body[n] for n in names if n in body})
    if "limits" in body:
        sim.limits.limits = replace(sim.limits.limits, **body["limits"])
    if body.get("reset_limits"):
        sim.limits.reset()
    if body.get("expire_tokens"):
        for bot in sim.bots.values():
            sim.world.tokens[bot.token].expires_on = today(-1)
    return {"version": sim.config.version, "tier": sim.config.tier}


async def _archive(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, pipeline_id}: too old to be added to."""
    pipeline: Pipeline = _project(sim, body["repo"]).pipelines[int(body["pipeline_id"])]
    pipeline.archived = True
    return {"id": pipeline.id}


async def _rename(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, to}: to another path, and into the namespace that it names."""
    project = _project(sim, body["repo"])
    owner, _, path = str(body["to"]).rpartition("/")
    space = sim.world.user(owner) or owning.create_group(sim, owner)
    owning.move_project(sim, project, space, path)
    return _about_project(sim, project)


async def _delete(sim: Sim, request: web.Request, body: Json) -> Json:
    await owning.delete_project(sim, _project(sim, body["repo"]))
    return {}


async def _checks(sim: Sim, request: web.Request, body: Json) -> list[Json]:
    """Statuses of a commit as its merge requests show them: the project's own and those of their sources."""
    project, sha = _project(sim, request.query["repo"]), request.query["sha"]
    known = [mr.source for mr in project.merge_requests.values() if mr.sha == sha]
    places = {one.id: one for one in (project, *known) if one is not None}
    jobs: list[CommitStatus] = [
        job
        for place in places.values()
        for pipeline in place.pipelines.values()
        if pipeline.sha == sha
        for job in pipeline.statuses
    ]
    jobs.sort(key=lambda job: job.id)
    if request.query.get("all") != "true":
        jobs = list({job.name: job for job in jobs}.values())
    return [_about_status(sim, job) for job in reversed(jobs)]


def _about_status(sim: Sim, job: CommitStatus) -> Json:
    pipeline = job.pipeline
    about = {"pipeline_status": pipelines.status_of(pipeline), "project": pipeline.project.full_path}
    return status_shape(sim.urls, job).model_dump() | about | {"retried": job.retried}


async def _reactions(sim: Sim, request: web.Request, body: Json) -> list[str]:
    note = _project(sim, request.query["repo"]).notes.get(int(request.query["note"]))
    if note is None:
        raise ApiError(404, "no such note")
    return [emoji.name for emoji in note.emojis]


async def _note(sim: Sim, request: web.Request, body: Json) -> Json:
    """Of which merge request a note is."""
    note = _project(sim, request.query["repo"]).notes.get(int(request.query["note"]))
    if note is None:
        raise ApiError(404, "no such note")
    return {"iid": note.mr.iid}


async def _deployments(sim: Sim, request: web.Request, body: Json) -> list[Json]:
    """With every status that each of them had."""
    project, sha = _project(sim, request.query["repo"]), request.query["sha"]
    return [
        {"id": one.id, "environment": one.environment.name, "history": [s for s, _ in one.history]}
        for one in project.deployments.values()
        if one.sha == sha
    ]


async def _state(sim: Sim, request: web.Request, body: Json) -> Json:
    world = sim.world
    return {
        "url": sim.urls.web,
        "users": {one.username: one.id for one in world.users.values()},
        "groups": {one.full_path: one.id for one in world.groups.values()},
        "repos": [_about_project(sim, one) for one in world.projects.values()],
        "pulls": [_about_mr(mr) for p in world.projects.values() for mr in p.merge_requests.values()],
        "hooks": [
            {"id": h.id, "url": h.url, "alert_status": alert_status(h), "failures": h.recent_failures}
            for h in world.hooks.values()
        ],
        "violations": len(sim.ledger.violations),
        "tokens": len(world.tokens),
    }


def _about_mr(mr: Any) -> Json:
    return {
        "repo": mr.target.full_path,
        "number": mr.iid,
        "state": "open" if mr.state == "opened" else "closed",
        "head": mr.sha,
        "head_ref": mr.source_branch,
        "base": mr.target_branch,
        "merged": mr.state == "merged",
    }


_ROUTES: tuple[tuple[str, str, levers.Handler[Sim]], ...] = (
    ("POST", "/users", _users),
    ("POST", "/orgs", _orgs),
    ("POST", "/repos", _repos),
    ("POST", "/commits", _commit),
    ("POST", "/forks", _forks),
    ("POST", "/apps", _apps),
    ("POST", "/installations", _installations),
    ("PUT", "/apps/{id:\\d+}/hook", _set_hook),
    ("POST", "/tokens", _tokens),
    ("POST", "/collaborators", _collaborators),
    ("POST", "/people", _people),
    ("POST", "/deliver", _deliver),
    ("POST", "/settings", _settings),
    ("POST", "/archive", _archive),
    ("POST", "/rename", _rename),
    ("POST", "/delete", _delete),
    ("GET", "/checks", _checks),
    ("GET", "/reactions", _reactions),
    ("GET", "/note", _note),
    ("GET", "/deployments", _deployments),
    ("GET", "/state", _state),
)
