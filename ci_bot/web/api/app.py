"""The HTTP API: its parts in, an application to mount out. `openapi.json` describes it."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import web

from ci_bot.web.api import BASE, acts, artifacts, logs, runs
from ci_bot.web.api.endpoint import JSON
from ci_bot.web.api.openapi import describe
from ci_bot.web.api.parts import PARTS, Parts
from ci_bot.web.api.problems import in_words

DESCRIPTION: Final = "/openapi.json"

#: Every operation, in reading order; a new one is a module here and one more entry.
ENDPOINTS: Final = (*runs.ENDPOINTS, *logs.ENDPOINTS, *artifacts.ENDPOINTS, *acts.ENDPOINTS)

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


def make_api(parts: Parts) -> web.Application:
    """To be mounted at `BASE`."""
    app = web.Application(middlewares=[in_words])
    app[PARTS], app[logs.STOPPING] = parts, asyncio.Event()
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, endpoint.route, endpoint.handle)
    app.router.add_route("GET", DESCRIPTION, _describe)
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_stop)
    return app


_TEXT: Final = json.dumps(describe(ENDPOINTS, BASE), indent=2).encode()


async def _describe(_request: web.Request) -> web.Response:
    """For everybody: it holds nothing of anybody."""
    return web.Response(body=_TEXT, content_type=JSON)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


async def _stop(app: web.Application) -> None:
    app[logs.STOPPING].set()
    await app[PARTS].streams.end(app)
