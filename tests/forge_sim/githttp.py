"""Real git over HTTP: ``git http-backend`` behind aiohttp, with tokens and what a push sets off."""

from __future__ import annotations

from aiohttp import web

from .access import ANONYMOUS, Caller, basic_password, by_token, may_see, permits, reaches
from .errors import ApiError
from .gitbackend import refused, run_backend, serve_git, wants_to_push
from .queueing import settle
from .sim import Sim
from .state import RANK, Repo


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await serve_git(sim.faults, sim.ledger, request, lambda: _answer(sim, request))

    base = "/{owner}/{repo:[^/]+?}"
    for suffix in (".git", ""):
        path = f"{base}{suffix}/{{service:info/refs|git-upload-pack|git-receive-pack}}"
        router.add_route("*", path, handle)


async def _answer(sim: Sim, request: web.Request) -> tuple[str, web.StreamResponse]:
    caller = ANONYMOUS
    try:
        caller = _caller(sim, request.headers.get("Authorization"))
        repo = _repo(sim, caller, request, wants_to_push(request))
    except ApiError as error:
        return caller.who, refused(error.status, error.message)
    if request.match_info["service"] != "git-receive-pack":
        return caller.who, await _backend(sim, repo, request, caller)
    async with sim.lock(repo):
        response = await _backend(sim, repo, request, caller)
        await settle(sim, repo, caller.account)
    return caller.who, response


def _caller(sim: Sim, authorization: str | None) -> Caller:
    """The password is a person's or an installation's token; the user name does not matter."""
    if not authorization:
        return ANONYMOUS
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        return by_token(sim.world, basic_password(value.strip()))
    return by_token(sim.world, value.strip())


def _repo(sim: Sim, caller: Caller, request: web.Request, write: bool) -> Repo:
    """A repository one may not see answers a stranger 401 (so that git asks), others 404."""
    owner, name = request.match_info["owner"], request.match_info["repo"].removesuffix(".git")
    found = sim.world.repo(owner, name) or sim.world.moved.get(f"{owner}/{name}".lower())
    anonymous = caller.kind == "anonymous"
    if found is None or not may_see(sim.world, caller, found):
        raise ApiError(401 if anonymous else 404, "Repository not found.")
    if caller.token is not None:
        if write or found.private:
            _demand_of_installation(caller, found, "write" if write else "read")
    elif write:
        if caller.user is None:
            raise ApiError(401, "Authentication required.")
        if RANK[sim.world.role(caller.user, found)] < RANK["write"]:
            raise ApiError(403, f"Permission to {found.full_name} denied to {caller.user.login}.")
    return found


def _demand_of_installation(caller: Caller, repo: Repo, level: str) -> None:
    assert caller.token is not None
    if not reaches(caller, repo):
        raise ApiError(404, "Repository not found.")
    if not permits(caller.token.permissions, "contents", level):
        raise ApiError(403, "Resource not accessible by integration")


async def _backend(sim: Sim, repo: Repo, request: web.Request, caller: Caller) -> web.StreamResponse:
    user = None if caller.kind == "anonymous" else caller.account.login
    return await run_backend(sim.git, repo.id, request, user)
