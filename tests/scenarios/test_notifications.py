"""A branch that breaks and is mended is told once, to each address, whatever happens to the server meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forge_sim.client import ForgeClient
from tests.notify.sinks import HttpSink, MailSink, http_sink, mail_sink
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.world import PASSING, World

FAILING = """\
jobs:
  lint:
    steps: [echo fine]
  test:
    steps: [exit 3]
"""
BROKEN, WELL = "main is broken", "main is well again"


@dataclass
class Town:
    """The world, and who is told about it."""

    world: World
    chat: HttpSink
    mail: MailSink

    async def push(self, ci_yaml: str, conclusion: str) -> str:
        sha = await self.world.push("main", ci_yaml=ci_yaml, message="Change it @all")
        assert (await self.world.check(sha))["conclusion"] == conclusion
        return sha

    def told(self) -> list[str]:
        return [str(message["title"]).rpartition(": ")[2] for message in self.chat.got]

    def mailed(self) -> list[str]:
        return [str(mail["subject"]).rpartition(": ")[2] for mail in self.mail.got]

    async def wait(self, *titles: str) -> None:
        """Until both have got exactly these, and nothing more for a while."""
        wanted = list(titles)
        await self.world.until(lambda: self.told() == wanted and self.mailed() == wanted)
        await self.world.settled()
        assert (self.told(), self.mailed()) == (wanted, wanted)


@pytest.fixture
async def town(
    forge_url: str, images: None, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Town]:
    name = f"town-{abs(hash(request.node.name)) % 9999}"
    async with ForgeClient(forge_url) as client, http_sink() as chat, mail_sink() as mail:
        seen = len(await client.violations())
        file = tmp_path / "urls"
        file.write_text(f"# the team\n{chat.url}\n\n{mail.url}\n")
        rules = [{"repositories": [f"{name}/*"], "urls_file": str(file)}]
        bot = await make_bot(
            client,
            tmp_path,
            slug=f"bot-{name}",
            waiting=shared(),
            CI_BOT_NOTIFICATIONS=json.dumps(rules),
        )
        bot.start()
        try:
            world = World(client, bot, name)
            await world.found()
            await world.make_repo()
            yield Town(world, chat, mail)
            assert (await client.violations())[seen:] == []
            log = bot.process.tail(10**7)
            assert "a-long-secret-path" not in log
            assert "Traceback" not in log
        finally:
            bot.process.stop()


async def test_a_branch_breaks_and_is_mended(town: Town) -> None:
    sha = await town.push(FAILING, "failure")
    await town.wait(BROKEN)
    (message,) = town.chat.got
    first, second, link = message["message"].splitlines()
    assert first == "Failed: test"
    assert second.startswith(f"Commit {sha[:7]} by alice: Change it @")
    assert "@all" not in second
    assert link.startswith(f"{town.world.bot.url}/runs/")

    town.world.bot.process.kill()
    town.world.bot.start()
    await town.push(FAILING + "  more:\n    steps: [exit 1]\n", "failure")
    await town.wait(BROKEN)
    await town.push(PASSING, "success")
    await town.wait(BROKEN, WELL)
    feature = await town.world.push("feature", ci_yaml=FAILING)
    await town.world.check(feature)
    await town.wait(BROKEN, WELL)


async def test_killed_over_a_message_it_is_not_sent_twice(town: Town) -> None:
    town.chat.answers = [25.0]  # it has the message, and does not answer
    await town.push(FAILING, "failure")
    await town.world.until(lambda: town.chat.got and town.mail.got)
    town.world.bot.process.kill()
    town.world.bot.start()
    await town.wait(BROKEN)
    await town.push(PASSING, "success")
    await town.wait(BROKEN, WELL)


async def test_a_service_that_refuses_gets_it_later_and_the_other_does_not_again(town: Town) -> None:
    town.chat.answers = [500, 503]
    await town.push(FAILING, "failure")
    await town.world.until(lambda: len(town.chat.got) == 2)
    await asyncio.sleep(
        1
    )  # what it answered is stored; killed before, nobody would know, and it is not sent again
    town.world.bot.process.kill()
    town.world.bot.start()
    await town.world.until(lambda: len(town.chat.got) == 3)
    await town.world.settled()
    assert (len(town.chat.got), town.mailed()) == (3, [BROKEN])
