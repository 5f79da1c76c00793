"""Where `ci-bot logs` reads: a server's API, or this machine's own data; the same words of a run either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import click

from ci_bot.cli.remote import Server, ask, patiently
from ci_bot.core.model import LogRef
from ci_bot.core.retention import log_removed
from ci_bot.settings import Settings
from ci_bot.web.api import logs, models
from ci_bot.web.api.models import Job, RunDetail
from ci_bot.wiring.kept import Archive, open_archive


class Source(Protocol):
    """Both raise `ClickException`."""

    @property
    def removed(self) -> str:
        """What is said of a log that was removed for its age."""
        ...

    async def run(self, run_id: str) -> RunDetail:
        """With every attempt of each job, oldest first."""
        ...

    def log(self, run_id: str, job: Job, step: int, *, follow: bool) -> AsyncIterator[bytes]:
        """The bytes of a step's log, numbered from 1; with `follow` until the step ends."""
        ...


@dataclass(frozen=True, slots=True)
class Remote:
    server: Server
    removed: str = "(the log was removed: the server keeps logs for a while only)"

    async def run(self, run_id: str) -> RunDetail:
        return await patiently(lambda: self.server.run(run_id, attempts=True))

    def log(self, run_id: str, job: Job, step: int, *, follow: bool) -> AsyncIterator[bytes]:
        return self.server.log(run_id, job.id, job.attempt, step, follow=follow)


@dataclass(frozen=True, slots=True)
class Local:
    archive: Archive

    @property
    def removed(self) -> str:
        return log_removed(self.archive.kept)

    async def run(self, run_id: str) -> RunDetail:
        run = await self.archive.runs.run(run_id)
        if run is None:
            raise click.ClickException(f"there is no run {run_id} here")
        jobs = await self.archive.runs.attempts(run_id)
        return models.detail(replace(run, jobs=tuple(jobs)), str)

    async def log(self, run_id: str, job: Job, step: int, *, follow: bool) -> AsyncIterator[bytes]:
        attempts = await self.archive.runs.attempts(run_id)
        id = next(each.id for each in attempts if (each.key, each.attempt) == (job.id, job.attempt))
        ref = LogRef(id, step - 1)
        if follow:
            async for piece in logs.follow(self.archive.runs, self.archive.logs, run_id, ref):
                yield piece
        else:
            yield self.archive.logs.read(ref)


def with_server(url: str, token_file: Path | None, work: Callable[[Source], Awaitable[None]]) -> None:
    ask(url, token_file, lambda server: work(Remote(server)))


def with_archive(settings: Settings, work: Callable[[Source], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with open_archive(settings) as archive:
            await work(Local(archive))

    asyncio.run(opened())
