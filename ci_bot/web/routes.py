"""Where the pages are: addresses in, handlers out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ci_bot.web.artifacts import artifacts
from ci_bot.web.assets import response as asset_response
from ci_bot.web.badges import badge
from ci_bot.web.live import run_events, step_events
from ci_bot.web.logs import lines, raw, search, text
from ci_bot.web.run_list import run_list
from ci_bot.web.run_page import run_page
from ci_bot.web.site import SITE, Missing, Removed, Site, not_found, removed

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_pages(app: web.Application, site: Site) -> None:
    app[SITE] = site
    app.on_shutdown.append(site.streams.end)
    for path, handler in (
        ("/runs/{run}", run_page),
        ("/runs/{run}/text", text),
        ("/runs/{run}/events", run_events),
        ("/runs/{run}/{job}", run_page),
        ("/runs/{run}/{job}/text", text),
        ("/runs/{run}/{job}/artifacts", artifacts),
        ("/runs/{run}/{job}/search", search),
        ("/runs/{run}/{job}/{step}/lines", lines),
        ("/runs/{run}/{job}/{step}/raw", raw),
        ("/runs/{run}/{job}/{step}/events", step_events),
        ("/repos/{forge}/{repo:.+/.+}", run_list),
    ):
        app.router.add_get(path, _hiding(handler))
    app.router.add_get("/badges/{forge}/{repo:.+/.+}.svg", badge)
    app.router.add_get("/static/{name}", _static)


def _hiding(handler: _Handler) -> _Handler:
    async def hidden(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Missing:
            return not_found(request)
        except Removed:
            return removed(request)

    return hidden


async def _static(request: web.Request) -> web.Response:
    return asset_response(request.app[SITE].assets, request.match_info["name"])
