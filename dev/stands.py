"""A simulated forge, and ci-bot as it is set up there: what `make demo` and the pictures of the documents show."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.forge_sim.client import ForgeClient
from tests.forge_sim.gitlab import GitLabClient
from tests.forge_sim.hands import Hands
from tests.rig import ROOT, Bot, NotStarted, bare_bot, make_bot, running_forge, running_gitlab


@dataclass(frozen=True)
class Stand:
    """`install` serves it meanwhile and gives what setting it up printed; `pull` is a pull request's page."""

    forge: Hands
    bot: Bot
    repo: str
    thing: str  # "pull request"
    sign: str
    pull: Callable[[int], str]
    install: Callable[[], AbstractAsyncContextManager[str]]
    app_id: int = -1

    async def protect(self) -> None:
        """Nothing is merged before ci-bot's gate is green."""
        await self.forge.protect(self.repo, "ci-bot", by="alice", app_id=self.app_id)


@asynccontextmanager
async def github(home: Path) -> AsyncIterator[Stand]:
    with running_forge(home, description=None) as url:
        async with ForgeClient(url) as forge:
            bot = await make_bot(forge, home)
            app_id, repo = int(bot.env["CI_BOT_GITHUB__APP_ID"]), "acme/shop"

            @asynccontextmanager
            async def install() -> AsyncIterator[str]:
                bot.start()
                try:
                    await forge.install(app_id, "acme")
                    yield ""
                finally:
                    bot.process.stop()

            def page(number: int) -> str:
                return f"{url}/{repo}/pull/{number}?as=alice"

            yield Stand(forge, bot, repo, "pull request", "#", page, install, app_id)


@asynccontextmanager
async def gitlab(home: Path) -> AsyncIterator[Stand]:
    """A group within a group, and a bot account that owns the upper one."""
    with running_gitlab(home) as url:
        async with GitLabClient(url) as forge:
            bot, repo = bare_bot(home), "acme/web/shop"
            account = await forge.app("ci-bot")
            bot.env["CI_BOT_GITLAB__URL"] = url
            bot.env["CI_BOT_GITLAB__TOKEN"] = account["token"]

            @asynccontextmanager
            async def install() -> AsyncIterator[str]:
                await forge.collaborator("acme", account["slug"], "admin")
                said = await _ci_bot(bot, "gitlab", "connect", "acme")
                bot.start()
                try:
                    yield f"$ ci-bot gitlab connect acme\n{said}"
                finally:
                    bot.process.stop()

            def page(number: int) -> str:
                return f"{url}/{repo}/-/merge_requests/{number}?as=alice"

            yield Stand(forge, bot, repo, "merge request", "!", page, install)


async def _ci_bot(bot: Bot, *words: str) -> str:
    """What a command says, with the server's settings. Raises `NotStarted`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ci_bot", *words),
        cwd=ROOT,
        env=os.environ | bot.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise NotStarted(f"ci-bot {' '.join(words)}: {said.decode()}")
    return said.decode()


FORGES: Final = MappingProxyType({"github": github, "gitlab": gitlab})
