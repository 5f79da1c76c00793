"""POST /hooks/{forge}: reads the raw body, bounded, and hands it on; the URL says which forge it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from ci_bot.core.errors import DeliveryRefused, StoreError
from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import Received, Receiver

_log = structlog.get_logger()

#: GitHub's and GitLab's own limit.
#: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
MAX_BODY = 25 * 1024 * 1024

TOO_LONG = f"a delivery has at most {MAX_BODY} bytes"

#: All bodies together that are being read, in bytes. Beyond that the forge is asked to come again.
BODIES_AT_ONCE = 64 * 1024 * 1024

#: GitHub waits no longer for an answer.
#: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
BODY_SECONDS = 10.0


class BodyRefused(Exception):
    """Answered with `status` before the body was read to its end."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Share:
    """What one request holds of the budget."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.held = 0

    def take(self, size: int) -> None:
        if size > self._bodies.left:
            raise BodyRefused(503, "too much is being received; send it again later")
        self._bodies.left -= size
        self.held += size


class Bodies:
    """Bounds what all requests together hold in memory, however many strangers send."""

    def __init__(self) -> None:
        self.left = BODIES_AT_ONCE

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Share]:
        share = Share(self)
        try:
            yield share
        finally:
            self.left += share.held


BODIES: web.AppKey[Bodies] = web.AppKey("bodies", Bodies)
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
    try:
        receiver.require_signature(forge, request.headers)
        async with request.app[BODIES].reading() as under_way, asyncio.timeout(BODY_SECONDS):
            body = await _read(request, under_way)
        received = await receiver.receive(forge, request.headers, body)
    except DeliveryRefused as error:
        return _refused(request, forge, error.status, str(error))
    except BodyRefused as error:
        return _refused(request, forge, error.status, str(error))
    except TimeoutError:
        return _refused(request, forge, 408, f"the body did not come within {BODY_SECONDS:.0f} s")
    except StoreError as error:
        request.app[METERS].deliveries.labels(forge, "unstored").inc()
        _log.error("delivery not stored", forge=forge, error=str(error))
        return _say(503, "the delivery could not be stored; send it again later")
    return _say(202 if received is Received.STORED else 200, str(received))


def _refused(request: web.Request, forge: str, status: int, reason: str) -> web.Response:
    request.app[METERS].deliveries.labels(forge, "refused").inc()
    _log.warning("delivery refused", forge=forge, status=status, reason=reason)
    response = _say(status, reason)
    response.force_close()  # what was not read is not to be taken for the next request
    return response


async def _read(request: web.Request, under_way: Share) -> bytes:
    """The raw body; no more than the limits is ever held. Raises `BodyRefused`."""
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise BodyRefused(413, TOO_LONG)
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        under_way.take(len(chunk))
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyRefused(413, TOO_LONG)
    return bytes(body)


def _say(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")
