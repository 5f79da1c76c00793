"""Real git over HTTP, at any depth of groups: tokens, protected branches, and what a push sets off."""

from __future__ import annotations

from aiohttp import web

from ..gitbackend import refused, run_backend, serve_git, wants_to_push
from .access import ANONYMOUS, Caller, basic_password, by_token, level_of, may_push, may_see
from .errors import ApiError
from .pushes import settle
from .sim import Sim
from .state import DEVELOPER, REPORTER, Project

_READ = {"api", "read_api", "read_repository", "write_repository"}
_WRITE = {"api", "write_repository"}
# Runs before any ref of a push moves: one protected branch that is not the pusher's refuses all of it.
_PRE_RECEIVE = """\
#!/bin/sh
while read -r old new ref; do
    case " $FORGE_SIM_PROTECTED " in
    *" $ref "*)
        echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
        exit 1 ;;
    esac
done
"""


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    hooks = sim.git.root / "hooks"
    hooks.mkdir(parents=True, exist_ok=True)
    (hooks / "pre-receive").write_text(_PRE_RECEIVE)
    (hooks / "pre-receive").chmod(0o755)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await serve_git(sim.faults, sim.ledger, request, lambda: _answer(sim, request))

    for suffix in (r"\.git", ""):
        path = f"/{{path:.+?}}{suffix}/{{service:info/refs|git-upload-pack|git-receive-pack}}"
        router.add_route("*", path.replace(r"\.git", ".git"), handle)


async def _answer(sim: Sim, request: web.Request) -> tuple[str, web.StreamResponse]:
    caller = ANONYMOUS
    try:
        caller = _caller(sim, request.headers.get("Authorization"))
        project = _project(sim, caller, request.match_info["path"], wants_to_push(request))
    except ApiError as error:
        return caller.who, refused(error.status, str(error))
    if request.match_info["service"] != "git-receive-pack":
        return caller.who, await _backend(sim, project, request, caller)
    assert caller.user is not None
    async with sim.lock(project):
        response = await _backend(sim, project, request, caller)
        await settle(sim, project, caller.user)
    return caller.who, response


def _caller(sim: Sim, authorization: str | None) -> Caller:
    """The password is a token; https://docs.gitlab.com/user/profile/personal_access_tokens/#clone-repository-using-personal-access-token."""
    if not authorization:
        return ANONYMOUS
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return by_token(sim.world, value.strip())
    try:
        return by_token(sim.world, basic_password(value.strip()))
    except ApiError as error:
        words = "HTTP Basic: Access denied. If a password was provided for Git authentication, "
        raise ApiError(
            401, words + "the password was incorrect or you're required to use a token."
        ) from error


def _project(sim: Sim, caller: Caller, path: str, write: bool) -> Project:
    """What one may not see answers a stranger 401 (so that git asks), others 404."""
    found = sim.world.project(path.removesuffix(".git"))
    missing = (
        "The project you were looking for could not be found or you don't have permission to view it."
    )
    if found is None or not _may_read(caller, found):
        raise ApiError(401 if caller.user is None else 404, missing)
    if caller.token is not None and not set(caller.token.scopes) & (_WRITE if write else _READ):
        raise ApiError(
            403,
            "You are not allowed to download code from this project."
            if not write
            else "You are not allowed to push code to this project.",
        )
    if not write:
        return found
    if caller.user is None:
        raise ApiError(401, "HTTP Basic: Access denied.")
    if level_of(caller.user, found) < DEVELOPER:
        raise ApiError(403, "You are not allowed to push code to this project.")
    return found


def _may_read(caller: Caller, project: Project) -> bool:
    """Guests of a private project see it without its code."""
    if project.visibility == "private":
        return level_of(caller.user, project) >= REPORTER
    return may_see(caller.user, project)


async def _backend(
    sim: Sim, project: Project, request: web.Request, caller: Caller
) -> web.StreamResponse:
    user = caller.user
    closed = [
        f"refs/heads/{name}"
        for name in project.protected
        if user is None or not may_push(user, project, name)
    ]
    more = {
        "FORGE_SIM_PROTECTED": " ".join(closed),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(sim.git.root / "hooks"),
    }
    return await run_backend(sim.git, project.id, request, user.username if user else None, more)
