"""What the verbs about secrets and the audit share: the server's data opened for one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from ci_bot.settings import Settings
from ci_bot.wiring.keeping import Keeping, open_keeping

T = TypeVar("T")

config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: ci-bot.toml]"
)
repo_option = click.option("--repo", metavar="OWNER/NAME", help="A repository, or FORGE:NUMBER.")


def run(settings: Settings, work: Callable[[Keeping], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with open_keeping(settings) as keeping:
            return await work(keeping)

    return asyncio.run(opened())


def when(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
