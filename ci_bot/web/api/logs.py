"""GET /runs/{run}/jobs/{job}/steps/{step}/log: the stored bytes of one step's log, also while they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from ci_bot.core.errors import StoreError
from ci_bot.core.model import JobRun, LogRef, StepRun
from ci_bot.ports import LogSink, Runs
from ci_bot.web.api import log_events
from ci_bot.web.api.endpoint import DIGITS, Answer, Asked, Call, Endpoint, RunPath, Truth
from ci_bot.web.api.problems import Refused, missing
from ci_bot.web.api.runs import found

CHUNK: Final = 256 * 1024
#: How often it is asked whether a step has ended whose log was never closed.
LOOK_SECONDS: Final = 2.0
GONE_SECONDS: Final = 1.0
TEXT: Final = "text/plain"

#: Set when the server is about to end: followers are cut off then, and go on elsewhere.
STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping", asyncio.Event)


class LogPath(RunPath):
    job: Annotated[str, Field(min_length=1, max_length=256, description="as .ci.yaml names it")]
    step: Annotated[int, Field(ge=1, le=10**6, description="from 1"), DIGITS]


class LogQuery(Asked):
    offset: Annotated[int, Field(ge=0, le=2**53), DIGITS] = Field(0, description="bytes to leave out")
    follow: Truth = Field(
        False,
        description="go on until the step ends; go on by yourself where it is cut off. With "
        "Accept: text/event-stream as server-sent events, which proxies do not take for dead",
    )
    attempt: Annotated[int, Field(ge=1, le=10**6), DIGITS] | None = Field(
        None, description="default: the latest"
    )


async def read_log(call: Call) -> web.StreamResponse:
    query: LogQuery = call.query
    run = await found(call.parts, call.token, call.path.run)
    attempts = await call.parts.runs.attempts(run.id)
    job, step = _step(attempts, call.path, query.attempt)
    log = LogRef(job.id, step.index)
    if not query.follow:
        return await _stored(call, log, query.offset)
    with call.parts.followers.one(call.token.id):
        if log_events.wants_events(call.request):
            return await _streamed(call, run.id, log, query.offset)
        return await _followed(call, run.id, log, query.offset)


def _step(attempts: Sequence[JobRun], path: LogPath, attempt: int | None) -> tuple[JobRun, StepRun]:
    """Raises `Refused` (404)."""
    found_jobs = [job for job in attempts if job.key == path.job and attempt in (None, job.attempt)]
    if not found_jobs:
        raise missing("such job or attempt in this run")
    job = found_jobs[-1]
    if path.step > len(job.steps):
        raise Refused(404, f"the job has {len(job.steps)} steps", "the first has the number 1")
    return job, job.steps[path.step - 1]


# ── what is stored ───────────────────────────────────────────────────────────────────────────


async def _stored(call: Call, log: LogRef, offset: int) -> web.StreamResponse:
    size = call.parts.logs.size(log)
    start, end, is_part = _wanted(call.request, offset, size)
    response = web.StreamResponse(status=206 if is_part else 200)
    response.headers["Accept-Ranges"] = "bytes"
    if is_part:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.content_length = end - start
    _text(response)
    await response.prepare(call.request)
    with _hanging_up(call.request):
        while start < end:
            upto = min(start + CHUNK, end)
            chunk = await asyncio.to_thread(call.parts.logs.read, log, start, upto)
            if not chunk:  # the log was removed meanwhile: what was promised does not come
                raise ConnectionResetError
            start += len(chunk)
            await response.write(chunk)
        await response.write_eof()
    return response


@contextmanager
def _hanging_up(request: web.Request) -> Iterator[None]:
    """Whoever is not sent all sees that by how the connection ends; who hung up is nobody's mistake."""
    try:
        yield
    except (ConnectionError, StoreError):
        if request.transport is not None:
            request.transport.close()


def _wanted(request: web.Request, offset: int, size: int) -> tuple[int, int, bool]:
    """(start, end, whether that is a part that was asked for as such). Raises `Refused` (400, 416).

    One range is answered as one; several, or what is no range of bytes, are answered with the whole.
    https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    """
    if "Range" not in request.headers or "If-Range" in request.headers:
        return min(offset, size), size, False
    if offset:
        raise Refused(400, "both offset and Range are given", "keep one of them")
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size, False
    start, stop = wanted.start, wanted.stop
    if start is None and stop is None:
        return 0, size, False
    start = max(0, size + start) if start is not None and start < 0 else start or 0
    end = size if stop is None else min(stop, size)
    if start >= end:
        raise Refused(
            416, f"the log has {size} bytes so far", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, end, True


def _text(response: web.StreamResponse) -> None:
    response.content_type = TEXT
    response.charset = "utf-8"


# ── what comes ───────────────────────────────────────────────────────────────────────────────


async def _followed(call: Call, run_id: str, log: LogRef, offset: int) -> web.StreamResponse:
    """In chunks until the step ends. Who is cut off sees that: the last chunk is missing then."""
    response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})  # nginx is to pass it on
    response.enable_chunked_encoding()
    _text(response)
    await response.prepare(call.request)
    cut_off = asyncio.create_task(_until_cut_off(call.request))
    try:
        with _hanging_up(call.request):
            async with (
                aclosing(follow(call.parts.runs, call.parts.logs, run_id, log, offset)) as coming,
                aclosing(_until(cut_off, coming)) as pieces,
            ):
                async for piece in pieces:
                    await response.write(piece)
            if cut_off.done():
                raise ConnectionResetError
            await response.write_eof()
    finally:
        cut_off.cancel()
    return response


async def _streamed(call: Call, run_id: str, log: LogRef, offset: int) -> web.StreamResponse:
    """The same as events, with comments while the step is silent: no proxy takes it for dead."""
    start = log_events.start_of(call.request, offset)
    pieces = follow(call.parts.runs, call.parts.logs, run_id, log, start)
    return await call.parts.streams.answer(call.request, {}, log_events.log_events(pieces, start))


async def _until_cut_off(request: web.Request) -> None:
    """The server is about to end, or the client went away, which nobody tells while nothing is written."""
    stopping = request.app[STOPPING]
    while request.transport is not None and not request.transport.is_closing():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), GONE_SECONDS)
            return


async def follow(
    runs: Runs, logs: LogSink, run_id: str, log: LogRef, start: int = 0
) -> AsyncGenerator[bytes, None]:
    """Every stored byte from `start` on, once and in order, until the step has ended.

    The log says so itself as soon as it is closed. A step that never begins, or whose log was left
    open by a server that was killed, has ended when the store says so.
    """
    left = asyncio.Event()
    over = asyncio.create_task(_until_over(runs, run_id, log, left))
    try:
        async with aclosing(_until(over, logs.follow(log, start))) as coming:
            async for piece in coming:
                start += len(piece)
                yield piece
        if over.done():
            over.result()  # the store may have failed instead
            async for rest in _rest(logs, log, start):
                yield rest
    finally:
        left.set()
        await asyncio.wait({over})


async def _until(end: asyncio.Task[None], coming: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """What comes, until there is no more or `end` is done."""
    is_left = False
    while not is_left:
        piece = asyncio.ensure_future(anext(coming, b""))
        try:
            await asyncio.wait({piece, end}, return_when=asyncio.FIRST_COMPLETED)
            is_left = not piece.done() or not piece.result()
        finally:
            if not piece.done():
                piece.cancel()
                await asyncio.wait({piece})
        if not is_left:
            yield piece.result()


async def _rest(logs: LogSink, log: LogRef, start: int) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(logs.read, log, start, start + CHUNK):
        start += len(chunk)
        yield chunk


async def _until_over(runs: Runs, run_id: str, log: LogRef, left: asyncio.Event) -> None:
    """The end of a step is stored after the last byte of its log.

    It is told to end by `left` and never cancelled: a question that is cut off costs a connection.
    """
    while not left.is_set():
        for job in await runs.attempts(run_id):
            if job.id == log.job_id and job.steps[log.step].status.is_final:
                return
        with suppress(TimeoutError):
            await asyncio.wait_for(left.wait(), LOOK_SECONDS)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/runs/{run}/jobs/{job}/steps/{step}/log",
        "readLog",
        "What a step wrote, masked, as bytes; offsets stay what they are",
        read_log,
        {
            200: Answer("the log from the offset on", media_type=TEXT, or_text=log_events.MEDIA_TYPE),
            206: Answer(
                "the range that was asked for",
                media_type=TEXT,
                headers={"Content-Range": "which bytes these are"},
            ),
        },
        path=LogPath,
        query=LogQuery,
        refuses=(404, 416),
    ),
)
