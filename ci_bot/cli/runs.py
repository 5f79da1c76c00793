"""`ci-bot runs`: runs of a server, as a list or one of them, now or while they go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.live import Live

from ci_bot.cli import showing
from ci_bot.cli.remote import Server, ask, patiently, read, server_option, token_option
from ci_bot.core.model import RunKind
from ci_bot.core.standing import Standing
from ci_bot.web.api.models import RunDetail, Runs

PAGE: Final = 100
LOOK_SECONDS: Final = 2.0
FAILED: Final = 1
HELD: Final = "waits for approval on the forge"


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--repo", metavar="OWNER/NAME", help="Only of this repository.")
@click.option("--branch", metavar="NAME", help="Only of this branch or tag.")
@click.option("--commit", metavar="SHA", help="Only of this commit, or what begins so.")
@click.option(
    "--pr", "pull", type=click.IntRange(1), metavar="NUMBER", help="Only of this pull request."
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([str(each) for each in Standing]),
    help="May be repeated.",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([str(each) for each in RunKind]),
    help="May be repeated.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_document", is_flag=True, help="JSON, of the shapes in docs/api.md.")
@click.option("--watch", is_flag=True, help="Go on until RUN ends, or until Ctrl-C for a list.")
@server_option
@token_option
def runs(
    run_id: str | None,
    repo: str | None,
    branch: str | None,
    commit: str | None,
    pull: int | None,
    statuses: Sequence[str],
    events: Sequence[str],
    limit: int,
    as_document: bool,
    watch: bool,
    server: str | None,
    token_file: Path | None,
) -> None:
    """Show a server's runs, newest first, or one RUN with its jobs.

    With --watch RUN the exit code is the run's: 0 if it succeeded or had nothing to do, 1 if not.
    """
    wanted = {
        "repository": repo,
        "branch": branch,
        "commit": commit,
        "pull": pull,
        "status": statuses,
        "event": events,
    }
    if run_id is not None:
        if any(wanted.values()):
            raise click.UsageError("filters are for the list; one RUN is shown as it is")
        if not watch:
            ask(server, token_file, lambda opened: _show(opened, run_id, as_document))
            return
        ended = ask(server, token_file, lambda opened: follow(opened, run_id, quiet=as_document))
        finish(ended)
    elif watch and as_document:
        raise click.UsageError("--watch --json needs a RUN: then its end is one document")
    elif watch:
        ask(server, token_file, lambda opened: _watch(opened, wanted, limit))
    else:
        ask(server, token_file, lambda opened: _list(opened, wanted, limit, as_document))


# ── a list ───────────────────────────────────────────────────────────────────────────────────


async def _list(server: Server, wanted: dict[str, Any], limit: int, as_document: bool) -> None:
    found = await _pages(server, wanted, limit)
    if as_document:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    read_runs = Runs.model_validate({"runs": found, "next": None}).runs
    console = showing.console()
    if console.is_terminal:
        console.print(showing.table(read_runs, console.width))
    else:
        click.echo(showing.lines(read_runs), nl=False)


async def _pages(server: Server, wanted: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """Raw, so that what a newer server says besides is not lost in JSON."""
    found: list[dict[str, Any]] = []
    before: str | None = None
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        text = await server.get("/runs", limit=size, before=before, **wanted)
        before = read(Runs, text).next
        found += json.loads(text)["runs"]
        if before is None:
            break
    return found


async def _watch(server: Server, wanted: dict[str, Any], limit: int) -> None:
    console = showing.console()
    if not console.is_terminal:
        raise click.UsageError("a list is watched on a terminal; in a script, watch one RUN")
    with Live(console=console, auto_refresh=False) as live:
        while True:
            found = await patiently(lambda: _pages(server, wanted, limit))
            listed = Runs.model_validate({"runs": found, "next": None}).runs
            live.update(showing.table(listed, console.width), refresh=True)
            await asyncio.sleep(LOOK_SECONDS)


# ── one run ──────────────────────────────────────────────────────────────────────────────────


async def _show(server: Server, run_id: str, as_document: bool) -> None:
    run = await server.run(run_id)
    if as_document:
        click.echo(run.model_dump_json(indent=2))
    else:
        showing.console().print(showing.whole(run), soft_wrap=True)


async def follow(server: Server, run_id: str, *, quiet: bool = False) -> RunDetail:
    """Until it ends; a terminal shows it as it stands, a pipe gets a line for each change of a job."""
    console = showing.console()
    if quiet:
        run = await _until_ended(server, run_id)
        click.echo(run.model_dump_json(indent=2))
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            run = await _until_ended(
                server, run_id, lambda each: live.update(showing.whole(each), refresh=True)
            )
    else:
        run = await _until_ended(server, run_id, _Changes())
        console.print(showing.whole(run), soft_wrap=True)
    return run


def finish(run: RunDetail) -> None:
    """Ends the command with the run's own end. Raises `Exit`."""
    if run.status is Standing.HELD:
        click.echo(f"run {run.id} {HELD}", err=True)
    if run.status not in (Standing.SUCCEEDED, Standing.SKIPPED):
        raise click.exceptions.Exit(FAILED)


async def _until_ended(server: Server, run_id: str, seen: Any = lambda _: None) -> RunDetail:
    while True:
        run = await patiently(lambda: server.run(run_id))
        seen(run)
        if run.status.is_final:
            return run
        await asyncio.sleep(LOOK_SECONDS)


class _Changes:
    """Prints a line whenever a job stands otherwise than before."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], str] = {}

    def __call__(self, run: RunDetail) -> None:
        for job in run.jobs:
            if self._known.get((job.id, job.attempt)) != job.status:
                self._known[job.id, job.attempt] = job.status
                click.echo(showing.change(job))
