"""GET /healthz (the process lives), /readyz (it can do its work), /metrics (Prometheus)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ci_bot.core.errors import CiBotError
from ci_bot.web.hooks import METERS

CHECK_SECONDS = 3.0  # a probe that waits longer is given up by whoever sent it

Check = Callable[[], Awaitable[object]]
REFRESH: web.AppKey[Callable[[], Awaitable[None]]] = web.AppKey("refresh", Callable)  # type: ignore[arg-type]
CHECKS: web.AppKey[Mapping[str, Check]] = web.AppKey("checks", Mapping)


async def healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """503 with the reason in words while something that every job needs is missing."""
    problems = []
    for name, check in request.app[CHECKS].items():
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except CiBotError as error:
            problems.append(f"{name}: {error}")
        except TimeoutError:
            problems.append(f"{name}: no answer within {CHECK_SECONDS:.0f} s")
    if problems:
        return web.Response(status=503, text="\n".join(problems) + "\n")
    return web.Response(text="ready\n")


async def metrics(request: web.Request) -> web.Response:
    with suppress(TimeoutError):  # a database that hangs keeps nobody from the other figures
        async with asyncio.timeout(CHECK_SECONDS):
            await request.app[REFRESH]()
    body = generate_latest(request.app[METERS].registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
