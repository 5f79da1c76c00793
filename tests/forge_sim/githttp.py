"""Real git over HTTP: ``git http-backend`` behind aiohttp, with tokens and what a push sets off."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from .access import ANONYMOUS, Caller, basic_password, by_token, may_see, permits, reaches
from .errors import ApiError
from .gitbackend import REALM, run_backend
from .queueing import settle
from .sim import Sim
from .state import RANK, Repo


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await _serve(sim, request)

    base = "/{owner}/{repo:[^/]+?}"
    for suffix in (".git", ""):
        path = f"{base}{suffix}/{{service:info/refs|git-upload-pack|git-receive-pack}}"
        router.add_route("*", path, handle)


async def _serve(sim: Sim, request: web.Request) -> web.StreamResponse:
    started = time.time()
    subject = f"{request.method} {request.path}"
    slow = sim.faults.hit(subject, "delay")
    if slow is not None:
        await asyncio.sleep(slow.seconds)
    caller, response = await _admitted(sim, request, subject)
    sim.ledger.add(
        "git",
        method=request.method,
        path=request.path,
        query=dict(request.query),
        who=caller.who,
        status=response.status,
        ms=round((time.time() - started) * 1000, 2),
    )
    return response


async def _admitted(sim: Sim, request: web.Request, subject: str) -> tuple[Caller, web.StreamResponse]:
    fault = sim.faults.hit(subject, "status")
    if fault is not None:
        return ANONYMOUS, web.Response(status=fault.status, headers=fault.headers)
    caller = ANONYMOUS
    try:
        caller = _caller(sim, request.headers.get("Authorization"))
        write = "git-receive-pack" in (request.match_info["service"], request.query.get("service"))
        repo = _repo(sim, caller, request, write)
    except ApiError as error:
        headers = REALM if error.status == 401 else {}
        return caller, web.Response(status=error.status, text=error.message, headers=headers)
    if request.match_info["service"] != "git-receive-pack":
        return caller, await _backend(sim, repo, request, caller)
    async with sim.lock(repo):
        response = await _backend(sim, repo, request, caller)
        await settle(sim, repo, caller.account)
    return caller, response


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
