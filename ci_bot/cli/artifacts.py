"""`ci-bot artifacts RUN [JOB]`: what the jobs of a run kept, from a server; its names, or the files themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from ci_bot.cli.remote import Server, ask, read, server_option, token_option
from ci_bot.cli.showing import clean
from ci_bot.core.words import count, size
from ci_bot.web.api.models import Artifacts, JobArtifacts
from ci_bot.wiring.unpacking import unpack

NONE: Final = "nothing was kept, or its time is over"


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("job", required=False)
@click.option(
    "--download",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Put the files into this directory, a folder for each job.",
)
@server_option
@token_option
def artifacts(
    run_id: str, job: str | None, target: Path | None, server: str | None, token_file: Path | None
) -> None:
    """List the artifacts of RUN, or of one JOB of it (its id in .ci.yaml), or download them.

    Of each job the latest attempt that kept something.
    """

    async def work(opened: Server) -> None:
        found = await _found(opened, run_id, job, with_files=target is None)
        if not found:
            raise click.ClickException(f"{clean(job)}: {NONE}" if job else NONE)
        for each in found:
            if target is None:
                _show(each)
            else:
                await _download(opened, run_id, each, target)

    ask(server, token_file, work)


async def _found(
    server: Server, run_id: str, job: str | None, *, with_files: bool
) -> Sequence[JobArtifacts]:
    path = f"/runs/{quote(run_id, safe='')}/artifacts"
    listed = read(Artifacts, await server.get(path, files=str(with_files).lower()))
    latest = {each.id: each for each in listed.jobs}
    return [each for each in latest.values() if job in (None, each.id)]


def _show(each: JobArtifacts) -> None:
    until = f"until {each.expires_at:%Y-%m-%d %H:%M} UTC"
    click.secho(
        f"=== {clean(each.id)}: {count(each.count, 'file')}, {size(each.size)}, {until}", bold=True
    )
    for file in each.files:
        click.echo(f"{size(file.size):>10}  {clean(file.name)}")


async def _download(server: Server, run_id: str, each: JobArtifacts, target: Path) -> None:
    """The archive goes to a file first, and away again."""
    path = f"/runs/{quote(run_id, safe='')}/jobs/{quote(each.id, safe='')}/artifacts"
    if "/" in each.id or each.id.startswith("."):
        raise click.ClickException(f"{clean(each.id)} is no name of a folder: nothing was written")
    folder = target / each.id
    with tempfile.TemporaryDirectory(prefix="ci-bot-artifacts-") as work:
        archive = Path(work) / "artifacts.tar.zst"
        with archive.open("wb") as file:
            async for piece in server.pieces(path, {"attempt": each.attempt}):
                file.write(piece)
        done = unpack(archive, folder)
    click.echo(f"{folder}: {count(done.files, 'file')}, {size(done.size)}")
