"""POST /hooks/{forge}: reads the raw body, bounded, and hands it on; the URL says which forge it is."""

from __future__ import annotations

import time

import structlog
from aiohttp import web

from ci_bot.core.errors import DeliveryRefused, StoreError
from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import Received, Receiver

_log = structlog.get_logger()

#: GitHub's and GitLab's own limit.
#: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
MAX_BODY = 25 * 1024 * 1024

RECEIVER: web.AppKey[Receiver] = web.AppKey("receiver", Receiver)
METERS: web.AppKey[Meters] = web.AppKey("meters", Meters)


async def hook(request: web.Request) -> web.Response:
    began = time.perf_counter()
    response = await _answer(request)
    request.app[METERS].delivery_seconds.observe(time.perf_counter() - began)
    return response


async def _answer(request: web.Request) -> web.Response:
    receiver, forge = request.app[RECEIVER], request.match_info["forge"]
    if not receiver.serves(forge):
        return _say(404, f"no forge called {forge!r} is set up here")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return _say(415, "compressed bodies are not taken")
    body = await _read(request)
    if body is None:
        return _say(413, f"a delivery has at most {MAX_BODY} bytes")
    try:
        received = await receiver.receive(forge, request.headers, body)
    except DeliveryRefused as error:
        request.app[METERS].deliveries.labels(forge, "refused").inc()
        _log.warning("delivery refused", forge=forge, status=error.status, reason=str(error))
        return _say(error.status, str(error))
    except StoreError as error:
        request.app[METERS].deliveries.labels(forge, "unstored").inc()
        _log.error("delivery not stored", forge=forge, error=str(error))
        return _say(503, "the delivery could not be stored; send it again later")
    return _say(200 if received is Received.IGNORED else 202, str(received))


async def _read(request: web.Request) -> bytes | None:
    """The raw body, None if it is too long; no more than the limit is ever held."""
    if request.content_length is not None and request.content_length > MAX_BODY:
        return None
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _say(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")
