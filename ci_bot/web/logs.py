"""Parts of logs for the page, whole ones as text or as they were stored, and where something stands in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from aiohttp import web

from ci_bot.core.extra_words import lines as lines_of_extras
from ci_bot.core.model import FIRST_SERVICE, JobRun, LogRef, service_log
from ci_bot.core.page.lines import Window
from ci_bot.core.page.view import services_of
from ci_bot.core.plain import plain
from ci_bot.core.retention import log_removed
from ci_bot.core.states import Status
from ci_bot.ports import LogSink
from ci_bot.web.log_json import window_json
from ci_bot.web.site import DATA_HEADERS, SITE, Missing, Opened, Site, data, number, open_run

CHUNK: Final = 256 * 1024
WHOLE: Final = 1000  # lines; a log of no more is shown whole at once
HEAD: Final = 50
TAIL: Final = 450
AROUND: Final = 60  # lines before the one that is asked for
MOST_LINES: Final = 1000
MOST_HITS: Final = 1000
NEEDLE: Final = 200  # characters


def step_log(request: web.Request, opened: Opened) -> LogRef:
    """Raises `Missing`."""
    step = number(request.match_info, "step", -1)
    if opened.job is None:
        raise Missing
    services = len(services_of(opened.run, opened.job))
    if not (0 <= step < len(opened.job.steps) or FIRST_SERVICE <= step < FIRST_SERVICE + services):
        raise Missing
    return LogRef(opened.job.id, step)


async def lines(request: web.Request) -> web.Response:
    """`from` and `most`, or `open` (perhaps with `line`): what the page shows first of a log."""
    opened, site = await open_run(request), request.app[SITE]
    log = step_log(request, opened)
    if "open" in request.query:
        windows, total = await opening(site, log, number(request.query, "line", 0))
        return data({"windows": [window_json(window) for window in windows], "total": total})
    first = number(request.query, "from", 1)
    most = min(number(request.query, "most", MOST_LINES), MOST_LINES)
    window = await site.lines.window(log, first, max(most, 1))
    extent = await site.lines.extent(log)
    return data({"windows": [window_json(window)], "total": extent.lines})


async def opening(site: Site, log: LogRef, line: int = 0) -> tuple[Sequence[Window], int]:
    """What is shown first: the whole log, or its beginning, its end, and the lines around the one asked for.

    And how many lines there are.
    """
    total = (await site.lines.extent(log)).lines
    if total <= WHOLE:
        wanted = [(1, WHOLE)]
    else:
        wanted = [(1, HEAD), (total - TAIL + 1, TAIL)]
        if HEAD < line <= total - TAIL:
            wanted.insert(1, (max(HEAD + 1, line - AROUND), TAIL))
    windows: list[Window] = []
    done = 0
    for first, most in wanted:
        start = max(first, done + 1)
        window = await site.lines.window(log, start, most - (start - first))
        if window.lines:
            windows.append(window)
            done = window.lines[-1].number
    return windows, total


async def search(request: web.Request) -> web.Response:
    """`q` in the logs of a job: [[step, line], …]; `more` where there is more than that."""
    opened, site = await open_run(request), request.app[SITE]
    if opened.job is None:
        raise Missing
    found, more = await find(site, opened.job, request.query.get("q", ""))
    return data({"hits": found, "more": more})


async def find(site: Site, job: JobRun, needle: str) -> tuple[list[tuple[int, int]], bool]:
    needle = needle[:NEEDLE]
    found: list[tuple[int, int]] = []
    if not needle.strip():
        return found, False
    for step in job.steps:
        log = LogRef(job.id, step.index)
        numbers, following = await site.lines.search(log, needle, 1, MOST_HITS - len(found))
        found += [(step.index, line) for line in numbers]
        if len(found) >= MOST_HITS or following is not None:
            return found, True
    return found, False


async def raw(request: web.Request) -> web.StreamResponse:
    """As it was stored, masked, with its colours; to be saved, not shown."""
    opened, site = await open_run(request), request.app[SITE]
    log = step_log(request, opened)
    name = f"{opened.run.id}-{log.job_id}-{log.step + 1}.log"
    headers = DATA_HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type = "text/plain"
    response.charset = "utf-8"
    response.content_length = size = site.logs.size(log)
    await response.prepare(request)
    async for piece in _pieces(log, site.logs, size):
        await response.write(piece)
    await response.write_eof()
    return response


async def text(request: web.Request) -> web.StreamResponse:
    """A run, or one job of it, as plain text from the first line to the last."""
    opened, site = await open_run(request), request.app[SITE]
    jobs = opened.run.jobs if opened.job is None else (opened.job,)
    response = web.StreamResponse(headers=DATA_HEADERS)
    response.content_type = "text/plain"
    response.charset = "utf-8"
    await response.prepare(request)
    async for piece in _text(opened, jobs, site.logs, log_removed(site.kept)):
        await response.write(piece.encode("utf-8", "replace"))
    await response.write_eof()
    return response


async def _text(
    opened: Opened, jobs: Sequence[JobRun], logs: LogSink, removed: str
) -> AsyncIterator[str]:
    run, clean = opened.run, opened.clean
    yield f"{clean(run.repo.name)} @ {run.sha}\n{clean(run.title)}\n"
    for job in jobs:
        attempt = f", attempt {job.attempt}" if job.attempt > 1 else ""
        why = f" ({job.reason})" if job.reason else ""
        yield f"\n=== {clean(f'{job.name}: {job.status}{attempt}{why}')}\n"
        for extra in lines_of_extras(job):
            yield f"{clean(extra)}\n"
        for step in job.steps:
            how = f"exit code {step.exit_code}" if step.exit_code else step.reason
            tail = f" ({how})" if how and step.status is not Status.SUCCEEDED else ""
            yield f"\n--- {clean(f'{step.index + 1}. {step.name}: {step.status}{tail}')}\n"
            log = LogRef(job.id, step.index)
            if step.log_bytes and not logs.size(log):
                yield f"{removed}\n"
            async for part in _log(log, logs):
                yield part
        for place, name in enumerate(services_of(run, job)):
            yield f"\n--- service {clean(name)}\n"
            async for part in _log(service_log(job.id, place), logs):
                yield part


async def _log(log: LogRef, logs: LogSink) -> AsyncIterator[str]:
    """Line by line at the seams, so that no character and no escape sequence is cut in two."""
    rest = b""
    async for piece in _pieces(log, logs, logs.size(log)):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        yield plain(whole + newline)
    yield plain(rest + (b"" if not rest else b"\n"))


async def _pieces(log: LogRef, logs: LogSink, size: int) -> AsyncIterator[bytes]:
    start = 0
    while start < size:
        piece = await asyncio.to_thread(logs.read, log, start, min(start + CHUNK, size))
        if not piece:
            return
        start += len(piece)
        yield piece


def windows_of(windows: Sequence[Window], total: int) -> Sequence[dict[str, Any]]:
    """For the template: windows, and between them the first and the last line of what is not there."""
    shown: list[dict[str, Any]] = []
    done = 0
    for window in windows:
        first = window.lines[0].number
        if first > done + 1:
            shown.append({"gap": (done + 1, first - 1), "window": None})
        shown.append({"gap": None, "window": window})
        done = window.lines[-1].number
    if done < total:
        shown.append({"gap": (done + 1, total), "window": None})
    return shown
