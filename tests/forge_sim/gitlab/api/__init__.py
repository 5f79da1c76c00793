"""The endpoints of the REST API below ``/api/v4``, one module per kind of thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ..exchange import ROOT, handler_of
from ..sim import Sim
from . import events, hooks, members, merge_requests, notes, projects, repository, statuses

ROUTES = (
    *projects.ROUTES,
    *members.ROUTES,
    *repository.ROUTES,
    *statuses.ROUTES,
    *merge_requests.ROUTES,
    *notes.ROUTES,
    *hooks.ROUTES,
    *events.ROUTES,
)


def add_routes(router: web.UrlDispatcher, sim: Sim) -> None:
    for route in ROUTES:
        router.add_route(route.method, ROOT + route.path, handler_of(sim, route))
    router.add_route("*", f"{ROOT}/{{path:.*}}", _unknown(sim))


def _unknown(sim: Sim) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        """What the simulator does not know, a test must not pass by."""
        path = request.path.removeprefix(ROOT)
        sim.ledger.violation("path", f"{request.method} {path}", "no such endpoint here")
        return web.json_response({"error": "404 Not Found"}, status=404)

    return handle
