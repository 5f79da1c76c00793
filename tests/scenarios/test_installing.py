"""Installing on a whole organisation: nothing starts, nothing is written, little is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.forge_sim.client import ForgeClient
from tests.rig import Bot, make_bot
from tests.scenarios.world import PASSING, World

REPOSITORIES = 300
SLUG = "bot-big-org"
#: GitHub's points a minute: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
POINTS = 900


@pytest.fixture
async def bot(forge_url: str, images: None, tmp_path: Path) -> AsyncIterator[Bot]:
    async with ForgeClient(forge_url) as client:
        made = await make_bot(client, tmp_path, slug=SLUG)
    made.start()
    yield made
    made.process.stop()


async def test_an_organisation_of_300_repositories_is_installed_in_silence(
    forge_url: str, bot: Bot
) -> None:
    async with ForgeClient(forge_url) as forge:
        world = World(forge, bot, "big-org")
        await forge.user("alice")
        await forge.organization(world.org, {"alice": "admin"})
        for number in range(REPOSITORIES - 1):
            await forge.repo(f"{world.org}/r{number}", {".ci.yaml": PASSING})
        await world.make_repo()
        await world.push()
        pull = await world.open_pull()  # there before ci-bot was: nobody asks for it to be tested
        before = await newest(forge)

        world.installation = await forge.install(world.app_id, world.org)
        await forge.quiet()
        await world.until(lambda: stored(bot, "SELECT count(*) FROM repositories") == REPOSITORIES)
        await world.settled()
        assert_silent(world, await calls(world, before), await forge.comments(world.repo, pull))

        bot.process.kill()
        bot.start()
        await world.settled()
        assert_silent(world, await calls(world, before), await forge.comments(world.repo, pull))

        sha = await world.push(a="1")
        assert (await world.check(sha))["conclusion"] == "success"
        # The push may be decided before the pull request has the new head; then its run makes way.
        assert stored(bot, "SELECT count(*) FROM runs WHERE NOT superseded") == 1
        assert {one["who"] for one in await calls(world, before)} == {
            f"app:{SLUG}",
            f"installation:{world.installation}",
        }


def assert_silent(world: World, made: list[dict[str, Any]], comments: list[Any]) -> None:
    """No run, no check, no comment; what was asked is far below what the forge allows in a minute."""
    assert stored(world.bot, "SELECT count(*) FROM runs") == 0
    assert stored(world.bot, "SELECT count(*) FROM deliveries WHERE state != 'done'") == 0
    assert [one for one in made if one["method"] != "GET" and "access_tokens" not in one["path"]] == []
    assert len(made) <= POINTS // 2, [one["path"] for one in made[:20]]
    assert comments == []
    assert world.containers() == []


async def newest(forge: ForgeClient) -> int:
    return len(await forge.ledger())


async def calls(world: World, since: int) -> list[dict[str, Any]]:
    """What this App has asked of the API; the forge's ledger numbers what came."""
    mine = (f"app:{SLUG}", f"installation:{world.installation}")
    found = await world.forge.ledger(since)
    return [entry for entry in found if entry["kind"] == "api" and entry["who"] in mine]


def stored(bot: Bot, query: str) -> int:
    url = f"file:{bot.home / 'data' / 'ci-bot.db'}?mode=ro"
    with closing(sqlite3.connect(url, uri=True, timeout=10)) as database:
        ((count,),) = database.execute(query).fetchall()
    return int(count)
