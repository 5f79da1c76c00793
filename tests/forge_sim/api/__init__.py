"""The REST API: the explicit list of all endpoints, and how they are put under a prefix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ..errors import not_found
from ..exchange import Route, handler_of
from ..sim import Sim
from . import apps, checks, comments, commits, deployments, pulls, repos, statuses

PREFIX = "/api/v3"
ROUTES: tuple[Route, ...] = (
    *apps.ROUTES,
    *repos.ROUTES,
    *checks.ROUTES,
    *statuses.ROUTES,
    *pulls.ROUTES,
    *comments.ROUTES,
    *commits.ROUTES,
    *deployments.ROUTES,
)
# Parameters that may hold slashes ("x-multi-segment" in the description, or branch names).
_MANY = {"path": ".*", "ref": ".+", "branch": ".+", "basehead": ".+"}


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    """Every endpoint, those below a repository also by its numeric id; the rest is unknown."""
    for route in ROUTES:
        handler = handler_of(sim, route)
        by_id = "/repositories/{repo_id}"
        template = route.template.replace("/repositories/{id}", by_id)
        router.add_route(route.method, PREFIX + _pattern(template), handler)
        below_repo = template.removeprefix("/repos/{owner}/{repo}")
        if route.by == "repo" and below_repo != template and below_repo:
            router.add_route(route.method, PREFIX + _pattern(by_id + below_repo), handler)
    router.add_route("*", PREFIX + "{tail:.*}", _unknown(sim))


def _pattern(template: str) -> str:
    for name, pattern in _MANY.items():
        template = template.replace(f"{{{name}}}", f"{{{name}:{pattern}}}")
    return template.replace("/{path:.*}", "{path:(?:/.*)?}")


def _unknown(sim: Sim) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        where = f"{request.method} {path}"
        sim.ledger.violation("path", where, "no such endpoint here, or none that is simulated")
        sim.ledger.add("api", method=request.method, path=path, query={}, who="", status=404)
        return web.json_response(not_found().body(), status=404)

    return handle
