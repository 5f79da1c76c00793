"""`ci-bot link …`: the links of pages, shown to the operator and taken back."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import click

from ci_bot.cli.keeping import config_option
from ci_bot.settings import load
from ci_bot.wiring.linking import Linking, open_linking

T = TypeVar("T")

WHAT: Final = {"run": "", "list": "list of runs   ", "badge": "badge          "}

what_argument = click.argument("what", metavar="RUN|OWNER/NAME")


@click.group()
def link() -> None:
    """Show and revoke the links of log pages, lists of runs and badges."""


@link.command("show")
@what_argument
@config_option
def show_command(what: str, config: Path | None) -> None:
    """Print the link of a run, or those of a repository. Whoever has one may read."""
    _print(_run(config, lambda linking: linking.show(what)))


@link.command("revoke")
@what_argument
@config_option
def revoke_command(what: str, config: Path | None) -> None:
    """Make every link of it that was given out so far worthless, and print the new one."""
    links = _run(config, lambda linking: linking.revoke(what, getpass.getuser()))
    click.echo("revoked; the new one:", err=True)
    _print(links)


@link.command("rotate")
@config_option
@click.confirmation_option(
    prompt="Every link that was ever given out, in all checks, will be dead. Go on?"
)
def rotate_command(config: Path | None) -> None:
    """Make a new key: every link that was ever given out is worthless."""
    _run(config, lambda linking: linking.rotate(getpass.getuser()))
    click.echo("every link made so far is dead; checks published from now on have new ones")


def _run(config: Path | None, work: Callable[[Linking], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with open_linking(load(config)) as linking:
            return await work(linking)

    return asyncio.run(opened())


def _print(links: Mapping[str, str]) -> None:
    for what, url in links.items():
        click.echo(f"{WHAT[what]}{url}")
