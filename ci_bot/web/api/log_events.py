"""…/log as server-sent events: a step's stored bytes in, text and offsets out, and a sign of life while it is silent."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aiohttp import web

from ci_bot.web.streams import Event

MEDIA_TYPE: Final = "text/event-stream"
AGAIN: Final = "Last-Event-ID"
_DIGITS: Final = 16  # more than any log's offset has


def wants_events(request: web.Request) -> bool:
    """Whoever names them gets them; what takes anything gets the bytes."""
    accepted = request.headers.get("Accept", "").lower().split(",")
    return any(each.partition(";")[0].strip() == MEDIA_TYPE for each in accepted)


def start_of(request: web.Request, offset: int) -> int:
    """Where a client goes on that comes again by itself: it tells the last `id` that it has."""
    told = request.headers.get(AGAIN, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= _DIGITS else offset


async def log_events(pieces: AsyncGenerator[bytes, None], start: int) -> AsyncGenerator[Event, None]:
    """`log` with `{"text": …}` and as `id` the offset after it; `end` when the step has ended.

    A character that was cut in two waits for its rest, and the id does not count it before.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    at = start
    async with aclosing(pieces) as coming:
        async for piece in coming:
            at += len(piece)
            if text := decoder.decode(piece):
                yield Event("log", {"text": text}, str(at - len(decoder.getstate()[0])))
    if rest := decoder.decode(b"", final=True):
        yield Event("log", {"text": rest}, str(at))
    yield Event("end", {}, str(at))
