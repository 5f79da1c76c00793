"""Where `ci-bot logs` reads without a server: this machine's own data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import click

from ci_bot.cli.sources import Source
from ci_bot.core.model import LogRef
from ci_bot.core.retention import log_removed
from ci_bot.settings import Settings
from ci_bot.web.api import logs, models
from ci_bot.web.api.models import Job, RunDetail
from ci_bot.wiring.kept import Archive, open_archive


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


def with_archive(settings: Settings, work: Callable[[Source], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with open_archive(settings) as archive:
            await work(Local(archive))

    asyncio.run(opened())
