"""GET /runs/{run}[/{job}]?key=…: a run's logs as plain, escaped text, for whoever has the link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from aiohttp import web

from ci_bot.core.model import JobRun, LogRef, Run
from ci_bot.core.plain import plain
from ci_bot.core.states import Status
from ci_bot.links import Links
from ci_bot.ports import LogSink, Runs, Vault
from ci_bot.web.masking import Mask, mask_of

RUNS: web.AppKey[Runs] = web.AppKey("runs", Runs)
LOGS: web.AppKey[LogSink] = web.AppKey("logs", LogSink)
LINKS: web.AppKey[Links] = web.AppKey("links", Links)
VAULT: web.AppKey[Vault] = web.AppKey("vault", Vault)

CHUNK: Final = 256 * 1024
#: The same for a wrong key, a run that is not there, and a private repository's.
NOT_FOUND: Final = "There is nothing here. The link may be incomplete, or the run may be gone.\n"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


async def run_log(request: web.Request) -> web.StreamResponse:
    run_id, job_id = request.match_info["run"], request.match_info.get("job")
    if not request.app[LINKS].is_signed(run_id, request.query.get("key", "")):
        return _not_found()
    run = await request.app[RUNS].run(run_id)
    if run is None:
        return _not_found()
    jobs = run.jobs
    if job_id is not None:  # perhaps an earlier attempt: the check on the forge still leads to it
        attempts = await request.app[RUNS].attempts(run_id)
        jobs = tuple(job for job in attempts if job.id == job_id)
    if job_id is not None and not jobs:
        return _not_found()
    response = web.StreamResponse(headers=HEADERS)
    response.content_type = "text/plain"
    response.charset = "utf-8"
    await response.prepare(request)
    mask = await mask_of([run], request.app[VAULT])
    async for text in _text(run, jobs, request.app[LOGS], mask):
        await response.write(text.encode("utf-8", "replace"))
    await response.write_eof()
    return response


def _not_found() -> web.Response:
    return web.Response(status=404, text=NOT_FOUND, headers=HEADERS)


async def _text(run: Run, jobs: Sequence[JobRun], logs: LogSink, mask: Mask) -> AsyncIterator[str]:
    yield plain(mask(f"{run.repo.name} @ {run.sha}\n{run.title}\n").encode())
    for job in jobs:
        attempt = f", attempt {job.attempt}" if job.attempt > 1 else ""
        why = f" ({job.reason})" if job.reason else ""
        yield plain(mask(f"\n=== {job.name}: {job.status}{attempt}{why}\n").encode())
        for step in job.steps:
            how = f"exit code {step.exit_code}" if step.exit_code else step.reason
            tail = f" ({how})" if how and step.status is not Status.SUCCEEDED else ""
            yield plain(mask(f"\n--- {step.index + 1}. {step.name}: {step.status}{tail}\n").encode())
            async for part in _log(LogRef(job.id, step.index), logs):
                yield part


async def _log(log: LogRef, logs: LogSink) -> AsyncIterator[str]:
    """Line by line at the seams, so that no character and no escape sequence is cut in two."""
    size, start, rest = logs.size(log), 0, b""
    while start < size:
        chunk = await asyncio.to_thread(logs.read, log, start, min(start + CHUNK, size))
        if not chunk:
            break
        start += len(chunk)
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        yield plain(whole + newline)
    yield plain(rest + (b"" if not rest else b"\n"))
