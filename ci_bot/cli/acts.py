"""`ci-bot retry RUN` and `ci-bot cancel RUN`: asked of a server, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from ci_bot.cli.remote import Server, ask, patiently, read, server_option, token_option
from ci_bot.cli.runs import finish, follow
from ci_bot.cli.showing import clean
from ci_bot.web.api.models import Request, RunDetail

LOOK_SECONDS: Final = 0.25
DECIDED_SECONDS: Final = 30.0
LATER: Final = "stored, but not decided yet: the server has much to do; it will be"

job_option = click.option("--job", "jobs", multiple=True, metavar="ID", help="May be repeated.")
watch_option = click.option(
    "--watch", is_flag=True, help="Go on until it ends; its end is the exit code."
)


@click.command()
@click.argument("run_id", metavar="RUN")
@job_option
@click.option("--all", "everything", is_flag=True, help="Also what succeeded.")
@watch_option
@server_option
@token_option
def retry(
    run_id: str,
    jobs: Sequence[str],
    everything: bool,
    watch: bool,
    server: str | None,
    token_file: Path | None,
) -> None:
    """Run again what failed in RUN and what depends on it, or some jobs, or everything.

    It keeps the trust of the first attempt: what waits for approval waits on.
    """
    if jobs and everything:
        raise click.UsageError("--all is everything; leave --job out")
    body = {"jobs": list(jobs), "all": everything}
    _act(server, token_file, run_id, "retry", body, watch)


@click.command()
@click.argument("run_id", metavar="RUN")
@job_option
@watch_option
@server_option
@token_option
def cancel(
    run_id: str, jobs: Sequence[str], watch: bool, server: str | None, token_file: Path | None
) -> None:
    """End what is running or waiting in RUN, or some of its jobs."""
    _act(server, token_file, run_id, "cancel", {"jobs": list(jobs)}, watch)


def _act(
    url: str | None,
    token_file: Path | None,
    run_id: str,
    verb: str,
    body: dict[str, Any],
    watch: bool,
) -> None:
    async def work(server: Server) -> RunDetail | None:
        text = await server.post(f"/runs/{quote(run_id, safe='')}/{verb}", body)
        click.echo(clean(await _outcome(server, read(Request, text))), err=True)
        return await follow(server, run_id) if watch else None

    run = ask(url, token_file, work)
    if run is not None:
        finish(run)


async def _outcome(server: Server, request: Request) -> str:
    """What was decided, in words. Raises `ClickException` where it went wrong for good."""
    path = f"/requests/{quote(request.id, safe='')}"
    try:
        async with asyncio.timeout(DECIDED_SECONDS):
            while request.state == "pending":
                await asyncio.sleep(LOOK_SECONDS)
                request = read(Request, await patiently(lambda: server.get(path)))
    except TimeoutError:
        return LATER
    if request.state == "failed":
        raise click.ClickException(clean(f"the server failed at it: {request.reason}"))
    return request.reason
