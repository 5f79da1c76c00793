"""GET /keys: the public key that secrets are sealed for, as `ci-bot secret seal --key` takes it."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

#: The public key as text; read at each request, so that a rotated one is told at once.
PUBLIC_KEY: web.AppKey[Callable[[], str]] = web.AppKey("public key", Callable)  # type: ignore[arg-type]


async def keys(request: web.Request) -> web.Response:
    text = request.app[PUBLIC_KEY]()
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="application/json", headers=headers)
