"""Every route of the server, in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import Receiver
from ci_bot.web.api import BASE
from ci_bot.web.health import CHECKS, REFRESH, Check, healthz, metrics, readyz
from ci_bot.web.hooks import BODIES, MAX_BODY, METERS, RECEIVER, Bodies, hook
from ci_bot.web.keys import PUBLIC_KEY, keys
from ci_bot.web.routes import add_pages
from ci_bot.web.setup import INSTALLED, installed
from ci_bot.web.site import Site

_log = structlog.get_logger()


async def _nothing() -> None:
    return


def make_app(
    receiver: Receiver,
    site: Site,
    meters: Meters,
    checks: Mapping[str, Check],
    public_key: Callable[[], str],
    refresh: Callable[[], Awaitable[None]] = _nothing,
    api: web.Application | None = None,
) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_no_tracebacks])
    app[RECEIVER], app[METERS], app[BODIES] = receiver, meters, Bodies()
    app[CHECKS] = checks
    app[PUBLIC_KEY], app[REFRESH] = public_key, refresh
    app.router.add_post("/hooks/{forge}", hook)
    add_pages(app, site)
    app.router.add_get("/keys", keys)
    app.router.add_get(INSTALLED, installed)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    if api is not None:
        app.add_subapp(BASE, api)
    return app


@web.middleware
async def _no_tracebacks(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A bug of ours is logged in full here and told in one sentence there."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the edge of every request
        _log.exception("request failed", method=request.method, path=request.path)
        return web.Response(status=500, text="ci-bot failed here; the operator's log says how\n")
