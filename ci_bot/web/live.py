"""GET …/events: what a run is doing, and what a step writes, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from aiohttp import web

from ci_bot.core.model import LogRef, Run
from ci_bot.core.page.lines import START, Mark, parse_mark
from ci_bot.core.page.live import Following, finished, told
from ci_bot.core.page.state import is_over, run_state
from ci_bot.web.log_json import window_json
from ci_bot.web.logs import step_log
from ci_bot.web.site import DATA_HEADERS, SITE, Opened, Site, open_run
from ci_bot.web.streams import Event

LOOK_SECONDS: Final = 0.5  # how often the state of a run is looked at
BREATH_SECONDS: Final = 0.03  # between two events of a log: a flood is sent in pieces, not in drops
FAR_BEHIND: Final = 1024 * 1024  # bytes; a reader who is further behind is taken to the end
TAIL_LINES: Final = 500


async def run_events(request: web.Request) -> web.StreamResponse:
    opened, site = await open_run(request), request.app[SITE]
    job_id = request.query.get("job", "")
    return await site.streams.answer(request, DATA_HEADERS, _states(site, opened, job_id))


async def step_events(request: web.Request) -> web.StreamResponse:
    """From `Last-Event-ID`, else from `after`, both "offset:line"; so nothing is missing and nothing twice."""
    opened, site = await open_run(request), request.app[SITE]
    log = step_log(request, opened)
    asked = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    return await site.streams.answer(request, DATA_HEADERS, _lines(site, log, asked))


async def _states(site: Site, opened: Opened, job_id: str) -> AsyncGenerator[Event, None]:
    """Whenever it is another one than before, until everything has ended."""
    before: dict[str, Any] | None = None
    run: Run | None = opened.run
    while run is not None:
        attempts = await site.runs.attempts(run.id)
        chosen = next((job for job in attempts if job.id == job_id), None)
        state = run_state(run, chosen, opened.clean, site.clock.now())
        if state != before:
            yield Event("state", {**state, "now": site.clock.now()})
            before = state
        if is_over(run):
            yield Event("end", {})
            return
        await asyncio.sleep(LOOK_SECONDS)
        run = await site.runs.run(run.id)


async def _lines(site: Site, log: LogRef, asked: str) -> AsyncGenerator[Event, None]:
    mark = parse_mark(asked) if asked else START
    if mark is None or not await site.lines.is_mark(log, mark):
        yield Event("again", {})  # it was written anew, or the address is wrong: the page loads it anew
        mark = START
    while mark is not None:
        async with aclosing(_followed(site, log, mark)) as events:
            mark = None
            async for event in events:
                if isinstance(event, Mark):
                    mark = event  # too far behind
                    break
                yield event


async def _followed(site: Site, log: LogRef, mark: Mark) -> AsyncGenerator[Event | Mark, None]:
    """Events; and, where the reader is far behind, the mark where to go on instead."""
    state = Following(mark, await site.lines.style_at(log, mark.offset))
    follow = site.logs.follow(log, mark.offset)
    async for piece in follow:
        window, state = told(state, piece)
        if window.lines:
            yield Event("lines", window_json(window), str(state.mark))
        extent = site.logs.size(log)
        if extent - state.mark.offset - len(state.rest) - state.uncounted > FAR_BEHIND:
            jump = await site.lines.mark(log, await site.lines.tail_start(log, TAIL_LINES))
            if jump.line > state.mark.line:
                yield Event("skip", {"to": jump.line}, str(jump))
                yield jump
                return
        await asyncio.sleep(BREATH_SECONDS)
    window = finished(state)
    yield Event("end", window_json(window), str(state.mark))
