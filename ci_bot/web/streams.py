"""Server-sent events: values in, one long answer out that no proxy holds back, and that ends when the server does.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

MOST: Final = 500  # streams at once
BEAT_SECONDS: Final = 15.0  # proxies give up what is silent for a minute
LONGEST_SECONDS: Final = 3600.0  # then the browser comes again, and goes on where it was
RETRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.5  # how soon it is seen that a reader left

HEADERS: Final = {
    "Cache-Control": "no-store, no-transform",  # nobody in between may compress, and so collect
    "X-Accel-Buffering": "no",  # nginx
}


@dataclass(frozen=True, slots=True)
class Event:
    """`id` is what the browser tells when it comes again; "" leaves the one before."""

    name: str
    data: object
    id: str = ""

    def encode(self) -> bytes:
        """JSON has no line breaks, so one `data` line holds it."""
        id = f"id: {self.id}\n" if self.id else ""
        return f"{id}event: {self.name}\ndata: {json.dumps(self.data)}\n\n".encode()


@dataclass(slots=True)
class Streams:
    """Those that are open: so many and no more, and none keeps the server from stopping."""

    open: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(
        self, request: web.Request, headers: dict[str, str], events: AsyncGenerator[Event, None]
    ) -> web.StreamResponse:
        """Sends events as they come, until there are no more, the reader leaves or the server stops."""
        if len(self.open) >= MOST:
            return web.Response(status=503, text="too many streams are open\n", headers=headers)
        response = web.StreamResponse(headers=headers | HEADERS)
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        await response.prepare(request)
        sending = asyncio.create_task(_send(response, events))
        self.open.add(sending)
        try:
            until = asyncio.get_running_loop().time() + LONGEST_SECONDS
            while not sending.done() and asyncio.get_running_loop().time() < until:
                await asyncio.wait({sending}, timeout=LOOK_SECONDS)
                if request.transport is None:  # the reader left; a silent log would tell it much later
                    break
        finally:
            self.open.discard(sending)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return response

    async def end(self, _app: web.Application) -> None:
        for sending in self.open:
            sending.cancel()


async def _send(response: web.StreamResponse, events: AsyncGenerator[Event, None]) -> None:
    with suppress(ConnectionError):  # the reader left
        await response.write(f"retry: {RETRY_SECONDS * 1000:.0f}\n\n".encode())
        async for event in _with_beats(events):
            await response.write(event.encode() if event else b": beat\n\n")
        await response.write_eof()


async def _with_beats(events: AsyncGenerator[Event, None]) -> AsyncIterator[Event | None]:
    """None whenever nothing has come for a while."""
    coming: asyncio.Task[Event] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(events))
            done, _ = await asyncio.wait({coming}, timeout=BEAT_SECONDS)
            if not done:
                yield None
                continue
            try:
                event = coming.result()
            except _Over:
                return
            coming = None
            yield event
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await events.aclose()


class _Over(Exception):
    """There are no more events; a task may not end with `StopAsyncIteration`."""


async def _next(events: AsyncGenerator[Event, None]) -> Event:
    try:
        return await anext(events)
    except StopAsyncIteration:
        raise _Over from None
