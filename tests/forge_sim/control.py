"""The control API below ``/_sim/``: sets the scene, plants faults, reads the ledger. Not GitHub.

Bodies and answers are JSON; a wrong request is answered 4xx with ``{"message": …}``.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from aiohttp import web

from . import checking, levers, owning, pulling, queueing, registering
from .errors import ApiError
from .gitwrite import commit_files
from .queueing import settle
from .sim import Sim
from .state import RANK, Account, App, CheckRun, Installation, Json, Pull, Repo, Ruleset


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    for method, path, handler in (*_ROUTES, *levers.ROUTES):
        router.add_route(method, f"/_sim{path}", levers.wrap(sim, handler))


def _account(sim: Sim, login: str) -> Account:
    found = sim.world.account(login)
    if found is None:
        raise ApiError(404, f"no account {login}")
    return found


def _repo(sim: Sim, name: str) -> Repo:
    found = sim.world.repo(*name.split("/", 1))
    if found is None:
        raise ApiError(404, f"no repository {name}")
    return found


def _app(sim: Sim, number: object) -> App:
    found = sim.world.apps.get(int(str(number)))
    if found is None:
        raise ApiError(404, f"no App {number}")
    return found


def _installation(sim: Sim, request: web.Request) -> Installation:
    found = sim.world.installations.get(int(request.match_info["id"]))
    if found is None:
        raise ApiError(404, "no such installation")
    return found


def _pull(sim: Sim, body: Json) -> Pull:
    found = _repo(sim, body["repo"]).pulls.get(int(body["number"]))
    if found is None:
        raise ApiError(404, "no such pull request")
    return found


async def _users(sim: Sim, request: web.Request, body: Json) -> Json:
    account = registering.create_account(sim, str(body["login"]), body.get("type", "User"))
    return {"login": account.login, "id": account.id, "token": account.token}


async def _orgs(sim: Sim, request: web.Request, body: Json) -> Json:
    """{login, members: {login: role}}: the role is what a member has on all its repositories."""
    organization = registering.create_account(sim, str(body["login"]), "Organization")
    for login, role in body.get("members", {}).items():
        organization.members[registering.create_account(sim, login, "User").id] = _role(role)
    return {"login": organization.login, "id": organization.id}


def _role(text: str) -> Any:
    if text not in RANK:
        raise ValueError(f"a permission is one of {', '.join(RANK)}")
    return text


async def _repos(sim: Sim, request: web.Request, body: Json) -> Json:
    """An owner who is not there yet becomes an organisation."""
    owner = registering.create_account(sim, str(body["owner"]), "Organization")
    if sim.world.repo(owner.login, str(body["name"])) is not None:
        raise ApiError(422, "the repository is already there", [])
    people = {
        registering.create_account(sim, login, "User").id: _role(role)
        for login, role in body.get("collaborators", {}).items()
    }
    repo = await owning.create_repo(
        sim,
        owner,
        str(body["name"]),
        private=bool(body.get("private", False)),
        branch=str(body.get("default_branch", "main")),
        files=body.get("files", {"README.md": f"# {body['name']}\n"}),
        collaborators=people,
    )
    return _about_repo(sim, repo)


def _about_repo(sim: Sim, repo: Repo) -> Json:
    return {
        "id": repo.id,
        "full_name": repo.full_name,
        "private": repo.private,
        "default_branch": repo.default_branch,
        "clone_url": f"{sim.urls.web}/{repo.full_name}.git",
        "sha": repo.head_of(repo.default_branch),
        "refs": repo.refs,
    }


async def _commit(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, branch, files, message, login}: a commit without a clone, with all a push's events."""
    repo, author = _repo(sim, body["repo"]), _account(sim, body["login"])
    branch = str(body.get("branch", repo.default_branch))
    message = str(body.get("message", "Change files"))
    async with sim.lock(repo):
        if repo.head_of(branch) is None and (start := repo.head_of(repo.default_branch)):
            await sim.git.update_ref(repo.id, f"refs/heads/{branch}", start)
        sha = await commit_files(sim.git, repo.id, branch, body["files"], message, author)
        await settle(sim, repo, author)
    return {"sha": sha}


async def _forks(sim: Sim, request: web.Request, body: Json) -> Json:
    owner = registering.create_account(sim, str(body["owner"]), "User")
    repo = owning.fork_repo(sim, _repo(sim, body["repo"]), owner, body.get("name"))
    return _about_repo(sim, repo)


async def _apps(sim: Sim, request: web.Request, body: Json) -> Json:
    app = await asyncio.to_thread(registering.create_app, sim, body)
    return {
        "id": app.id,
        "slug": app.slug,
        "private_key": app.private_pem,
        "webhook_secret": app.webhook_secret,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "bot_id": app.bot.id,
    }


async def _hook(sim: Sim, request: web.Request, body: Json) -> Json:
    app = _app(sim, request.match_info["id"])
    app.webhook_url = str(body.get("url", app.webhook_url))
    app.webhook_secret = str(body.get("secret", app.webhook_secret))
    app.hook_active = bool(body.get("active", app.hook_active))
    return {"url": app.webhook_url, "active": app.hook_active}


async def _manifest(sim: Sim, request: web.Request, body: Json) -> Json:
    """The App of a manifest, and the code to convert it with."""
    app, code = registering.app_from_manifest(sim, body, None)
    return {"code": code, "app_id": app.id, "redirect_url": body.get("redirect_url")}


async def _installations(sim: Sim, request: web.Request, body: Json) -> Json:
    names = body.get("repositories")
    repos = None if names is None else [_repo(sim, _full(body["account"], n)) for n in names]
    account = _account(sim, str(body["account"]))
    made = registering.install(sim, _app(sim, body["app_id"]), account, repos)
    return {"id": made.id, "app_id": made.app.id, "account": account.login}


def _full(account: str, name: str) -> str:
    return name if "/" in name else f"{account}/{name}"


async def _uninstall(sim: Sim, request: web.Request, body: Json) -> Json:
    registering.uninstall(sim, _installation(sim, request))
    return {}


async def _change_installation(sim: Sim, request: web.Request, body: Json) -> Json:
    """{suspended: bool} or {repositories: [...] or null} or {permissions: {...}}."""
    installation = _installation(sim, request)
    if "suspended" in body:
        registering.suspend(sim, installation, bool(body["suspended"]))
    if "repositories" in body:
        names, owner = body["repositories"], installation.account.login
        repos = None if names is None else [_repo(sim, _full(owner, n)) for n in names]
        registering.change_repos(sim, installation, repos)
    if "permissions" in body:
        installation.permissions = {"metadata": "read", **body["permissions"]}
        registering.tell(sim, installation, "new_permissions_accepted")
    return {"id": installation.id}


async def _deliver(sim: Sim, request: web.Request, body: Json) -> Json:
    app, payload = _app(sim, body["app_id"]), body["payload"]
    raw = payload.encode() if isinstance(payload, str) else payload
    headers = {str(k): str(v) for k, v in body.get("headers", {}).items()}
    status = await sim.hooks.send_now(app, str(body["event"]), raw, headers)
    return {"status": status}


async def _settings(sim: Sim, request: web.Request, body: Json) -> Json:
    """{token_lifetime: seconds, nonmember_404: bool, expire_tokens: true, reset_limits: true,
    limits: {field of config.Limits: value}}."""
    sim.token_lifetime = float(body.get("token_lifetime", sim.token_lifetime))
    sim.nonmember_404 = bool(body.get("nonmember_404", sim.nonmember_404))
    if body.get("expire_tokens"):
        for token in sim.world.tokens.values():
            token.expires_at = time.time()
    if "limits" in body:
        sim.limits.limits = replace(sim.limits.limits, **body["limits"])
    if body.get("reset_limits"):
        sim.limits.reset()
    return {"token_lifetime": sim.token_lifetime, "nonmember_404": sim.nonmember_404}


async def _press(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, check_run_id, identifier, login}: a person presses a button of a check run."""
    repo = _repo(sim, body["repo"])
    run: CheckRun = repo.runs[int(body["check_run_id"])]
    checking.press(sim, repo, run, str(body["identifier"]), _account(sim, body["login"]))
    return {}


async def _change_pull(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, number, login, draft?: bool, label?: name, unlabel?: name}: what REST cannot do."""
    pull, by = _pull(sim, body), _account(sim, body["login"])
    if "draft" in body:
        pulling.set_draft(sim, pull, bool(body["draft"]), by)
    if "label" in body:
        pulling.set_label(sim, pull, str(body["label"]), True, by)
    if "unlabel" in body:
        pulling.set_label(sim, pull, str(body["unlabel"]), False, by)
    return {"draft": pull.draft, "labels": pull.labels}


async def _collaborator(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, login, permission}: takes effect at once; "none" takes it away."""
    repo, person = _repo(sim, body["repo"]), _account(sim, body["login"])
    role = _role(body["permission"])
    repo.collaborators.pop(person.id, None)
    if role != "none":
        repo.collaborators[person.id] = role
    return {"permission": sim.world.role(person, repo)}


async def _rules(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, branch, checks: [{context, integration_id?}], strict?, merge_queue?}: the one ruleset of a
    branch, instead of what it was; without checks and queue there is none."""
    repo = _repo(sim, body["repo"])
    branch = str(body.get("branch", repo.default_branch))
    repo.rulesets.pop(branch, None)
    checks = [(str(one["context"]), one.get("integration_id")) for one in body.get("checks", [])]
    queue = bool(body.get("merge_queue", False))
    if not checks and not queue:
        return {}
    ruleset = Ruleset(sim.world.next_id("ruleset"), checks, bool(body.get("strict", False)), queue)
    repo.rulesets[branch] = ruleset
    return {"id": ruleset.id}


async def _queue(sim: Sim, request: web.Request, body: Json) -> Json:
    """{repo, number, login}: POST puts a pull request into the merge queue, DELETE takes it out."""
    pull, by = _pull(sim, body), _account(sim, body["login"])
    if RANK[sim.world.role(by, pull.base)] < RANK["write"]:
        raise ApiError(403, f"{by.login} has no write access")
    async with sim.lock(pull.base):
        await (queueing.join if request.method == "POST" else queueing.leave)(sim, pull, by)
    return {"queue": [one.pull.number for one in pull.base.queue]}


async def _state(sim: Sim, request: web.Request, body: Json) -> Json:
    world = sim.world
    return {
        "url": sim.urls.web,
        "users": {a.login: a.id for a in world.accounts.values()},
        "apps": {a.slug: a.id for a in world.apps.values()},
        "repos": [_about_repo(sim, repo) for repo in world.repos.values()],
        "installations": [
            {"id": i.id, "app_id": i.app.id, "account": i.account.login, "repo_ids": _ids(i)}
            for i in world.installations.values()
        ],
        "pulls": [_about_pull(p) for r in world.repos.values() for p in r.pulls.values()],
        "check_runs": [
            {"id": run.id, "repo": r.full_name, "name": run.name, "sha": run.suite.head_sha}
            | {"status": run.status, "conclusion": run.conclusion, "external_id": run.external_id}
            for r in world.repos.values()
            for run in r.runs.values()
        ],
        "violations": len(sim.ledger.violations),
        "tokens": len(world.tokens),
    }


def _ids(installation: Installation) -> list[int] | None:
    return None if installation.repo_ids is None else sorted(installation.repo_ids)


def _about_pull(pull: Pull) -> Json:
    return {
        "repo": pull.base.full_name,
        "number": pull.number,
        "state": pull.state,
        "head": pull.head_sha,
        "head_ref": pull.head_ref,
        "base": pull.base_ref,
        "merged": pull.merged_at is not None,
    }


_ROUTES: tuple[tuple[str, str, levers.Handler[Sim]], ...] = (
    ("POST", "/users", _users),
    ("POST", "/orgs", _orgs),
    ("POST", "/repos", _repos),
    ("POST", "/commits", _commit),
    ("POST", "/forks", _forks),
    ("POST", "/apps", _apps),
    ("PUT", "/apps/{id:\\d+}/hook", _hook),
    ("POST", "/manifests", _manifest),
    ("POST", "/installations", _installations),
    ("DELETE", "/installations/{id:\\d+}", _uninstall),
    ("PATCH", "/installations/{id:\\d+}", _change_installation),
    ("POST", "/deliver", _deliver),
    ("POST", "/settings", _settings),
    ("POST", "/press", _press),
    ("POST", "/pulls", _change_pull),
    ("POST", "/collaborators", _collaborator),
    ("POST", "/rules", _rules),
    ("POST", "/queue", _queue),
    ("DELETE", "/queue", _queue),
    ("GET", "/state", _state),
)
