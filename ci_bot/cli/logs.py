"""`ci-bot logs RUN [JOB]`: what the steps of a run wrote, from this machine's own data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from ci_bot.core.model import JobRun, LogRef, Run
from ci_bot.core.plain import plain
from ci_bot.core.retention import log_removed
from ci_bot.settings import load
from ci_bot.wiring import open_archive


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("job", required=False)
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: ci-bot.toml]"
)
def logs(run_id: str, job: str | None, config: Path | None) -> None:
    """Show the logs of RUN, or of one JOB of it (its id in .ci.yaml)."""
    asyncio.run(_show(run_id, job, config))


async def _show(run_id: str, key: str | None, config: Path | None) -> None:
    async with open_archive(load(config)) as archive:
        run = await archive.runs.run(run_id)
        if run is None:
            raise click.ClickException(f"there is no run {run_id} here")
        for job in _chosen(run, key):
            click.secho(f"=== {job.name}: {job.status}", bold=True)
            for step in job.steps:
                click.secho(
                    f"--- {step.index + 1}. {step.name}: {step.status} {step.reason}".rstrip(), dim=True
                )
                text = plain(archive.logs.read(LogRef(job.id, step.index)))
                if step.log_bytes and not text:
                    text = log_removed(archive.kept)
                click.echo(text, nl=bool(text) and not text.endswith("\n"))


def _chosen(run: Run, key: str | None) -> Sequence[JobRun]:
    if key is None:
        return run.jobs
    found = [job for job in run.jobs if key in (job.key, job.name)]
    if not found:
        names = ", ".join(job.key for job in run.jobs) or "none"
        raise click.ClickException(f"run {run.id} has no job {key}; its jobs: {names}")
    return found
