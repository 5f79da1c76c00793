"""`ci-bot logs RUN [JOB]`: what the steps of a run wrote, from a server or from this machine's own data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

import click

from ci_bot.cli.remote import server_option, token_option
from ci_bot.cli.showing import clean
from ci_bot.cli.sources import Source, with_server
from ci_bot.core.plain import plain
from ci_bot.web.api.models import Job, RunDetail, Step

LOOK_SECONDS: Final = 1.0
COLOURS: Final = ("cyan", "magenta", "yellow", "blue", "green")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("job", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until RUN ends.")
@click.option("--step", type=click.IntRange(1), help="Only this step, from 1.")
@click.option("--attempt", type=click.IntRange(1), help="Of an earlier attempt.  [default: the latest]")
@server_option
@token_option
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file of a server on this machine: reads its data itself.  [default: ci-bot.toml]",
)
def logs(
    run_id: str,
    job: str | None,
    follow: bool,
    step: int | None,
    attempt: int | None,
    server: str | None,
    token_file: Path | None,
    config: Path | None,
) -> None:
    """Show the logs of RUN, or of one JOB of it (its id in .ci.yaml).

    From a server with --server, else from the data of the server on this machine.
    """

    async def work(source: Source) -> None:
        reader = _Reader(source, run_id, job, attempt, step)
        await (reader.follow() if follow else reader.show())

    if server and config is None:
        with_server(server, token_file, work)
    else:
        from ci_bot.cli.archived import with_archive  # noqa: PLC0415 - a database's worth of imports
        from ci_bot.settings import load  # noqa: PLC0415

        with_archive(load(config), work)


class _Reader:
    """Prints a run's logs, one job after the other; those that are followed side by side."""

    def __init__(
        self, source: Source, run_id: str, key: str | None, attempt: int | None, step: int | None
    ) -> None:
        self._source = source
        self._run_id = run_id
        self._key = key
        self._attempt = attempt
        self._step = step
        self._printing: dict[tuple[str, int, int], asyncio.Task[None]] = {}
        self._colours = cycle(COLOURS)
        self._prefixes: dict[str, str] = {}
        self._ended: asyncio.Task[None] | None = None

    async def show(self) -> None:
        run = await self._source.run(self._run_id)
        for job, steps in [(job, self._steps(job)) for job in self._chosen(run)]:
            click.secho(f"=== {clean(job.name)}: {job.status}", bold=True)
            for step in steps:
                head = f"--- {step.number}. {clean(step.name)}: {step.status} {clean(step.reason)}"
                click.secho(head.rstrip(), dim=True)
                log = self._source.log(self._run_id, job, step.number, follow=False)
                shown = 0
                async for text in _texts(log):
                    click.echo(text)
                    shown += 1
                if step.log_bytes and not shown:
                    click.echo(self._source.removed)

    async def follow(self) -> None:
        """What is printed of one job is never amid a line of another; what has ended is in order."""
        while True:
            run = await self._source.run(self._run_id)
            jobs = self._chosen(run)
            width = max((len(clean(job.name)) for job in jobs), default=0) if len(jobs) > 1 else 0
            for job in jobs:
                self._begin(job, width)
            for failed in (task for task in self._printing.values() if task.done()):
                failed.result()
            if all(job.status.is_final for job in jobs):
                await asyncio.gather(*self._printing.values())
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _begin(self, job: Job, width: int) -> None:
        """With `width` for the jobs' names, none where there is but one."""
        for step in self._steps(job):
            log = (job.id, job.attempt, step.number)
            if step.started_at is not None and log not in self._printing:
                before = self._printing.get((job.id, job.attempt, step.number - 1))
                if job.status.is_final:
                    before = before or self._ended
                prefix = self._prefix(job, width) if width else ""
                task = asyncio.create_task(self._print(job, step, prefix, before))
                self._printing[log] = task
                self._ended = task if job.status.is_final else self._ended

    async def _print(
        self, job: Job, step: Step, prefix: str, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await before
        click.echo(prefix + click.style(f"--- {step.number}. {clean(step.name)}", dim=True))
        async for text in _texts(self._source.log(self._run_id, job, step.number, follow=True)):
            click.echo("\n".join(prefix + line for line in text.split("\n")))

    def _prefix(self, job: Job, width: int) -> str:
        if job.id not in self._prefixes:
            colour = next(self._colours)
            self._prefixes[job.id] = click.style(f"{clean(job.name):<{width}} │ ", fg=colour)
        return self._prefixes[job.id]

    def _chosen(self, run: RunDetail) -> Sequence[Job]:
        """Raises `ClickException` with what there is."""
        found = [job for job in run.jobs if self._key in (None, job.id, job.name)]
        if not found and self._key is not None:
            names = ", ".join(dict.fromkeys(job.id for job in run.jobs)) or "none"
            raise click.ClickException(f"run {run.id} has no job {self._key}; its jobs: {names}")
        if self._attempt is None:
            return list({job.id: job for job in found}.values())  # the latest of each
        wanted = [job for job in found if job.attempt == self._attempt]
        if not wanted:
            most = max((job.attempt for job in found), default=0)
            raise click.ClickException(
                f"run {run.id} has no attempt {self._attempt}; the last is {most}"
            )
        return wanted

    def _steps(self, job: Job) -> Sequence[Step]:
        """Raises `ClickException` where one job is asked for and has no such step."""
        if self._step is None:
            return job.steps
        found = [step for step in job.steps if step.number == self._step]
        if not found and self._key is not None:
            raise click.ClickException(f"job {clean(job.name)} has {len(job.steps)} steps")
        return found


async def _texts(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Whole lines, and what is left at the end, with nothing that a terminal would obey."""
    rest = b""
    async for piece in pieces:
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            yield plain(whole)
    if rest:
        yield plain(rest)
