"""Reactions and replies of commands appear once, whenever the server is killed and whatever answer is lost."""

from __future__ import annotations

import sqlite3
from collections import Counter

import pytest

from tests.scenarios.speaking import reacted, replies, says
from tests.scenarios.world import PASSING, World

REACTIONS = r"POST /repos/.*/reactions$"
COMMENTS = r"POST /repos/.*/issues/\d+/comments$"


async def _pull(world: World) -> tuple[int, str]:
    await world.make_repo(PASSING.replace("echo all is well", "exit 3"))
    sha = await world.push(new="1")
    number = await world.open_pull()
    await world.check(sha)
    await world.until(lambda: world.forge.comments(world.repo, number))  # ci-bot's own one is there
    return number, sha


async def _written(world: World, path_end: str, since: int) -> int:
    """How many writes of ours took effect on the forge since then: 200 says that it was there already."""
    ledger = await world.forge.ledger(since)
    return sum(
        entry["kind"] == "api"
        and entry["method"] == "POST"
        and entry["path"].endswith(path_end)
        and "installation" in entry["who"]
        and (entry["status"] == 201 or entry.get("fault") == "cut_after")
        for entry in ledger
    )


async def _says_slowly(world: World, number: int, text: str) -> int:
    """ci-bot hears of it a moment later, so that the forge's troubles are not those of who says it."""
    await world.forge.fault("hook_delay", "^issue_comment", times=1, seconds=1.5)
    return await says(world, number, text)


def _pending(world: World) -> int:
    """Effects that are stored with their decision and not done."""
    path = world.bot.home / "data" / "ci-bot.db"
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        row = database.execute("SELECT count(*) FROM effects WHERE state = 'pending'").fetchone()
        return int(row[0])
    finally:
        database.close()


async def test_killed_between_the_decision_and_its_effects(own_world: World) -> None:
    world = own_world
    number, _ = await _pull(world)
    since = len(await world.forge.ledger())
    comment = await _says_slowly(world, number, "/retry tset")
    await world.forge.fault("status", REACTIONS, status=503)
    await world.forge.fault("status", COMMENTS, status=503)
    assert await world.until(lambda: _pending(world)) == 2
    world.bot.process.kill()
    assert await world.forge.reactions(world.repo, comment) == []
    await world.forge.clear_faults()
    world.bot.start()
    assert await reacted(world, comment, "-1") == ["-1"]
    assert len(await replies(world, number)) == 1
    await world.settled()
    assert len(await replies(world, number)) == 1
    assert await _written(world, "/reactions", since) == 1
    assert await _written(world, f"/issues/{number}/comments", since) == 1


@pytest.mark.parametrize("lost", [REACTIONS, COMMENTS])
async def test_killed_after_an_effect_whose_answer_was_lost(own_world: World, lost: str) -> None:
    world = own_world
    number, _ = await _pull(world)
    comment = await _says_slowly(world, number, "/retry tset")
    await world.forge.fault("cut_after", lost, times=1)

    async def is_visible() -> bool:
        comments = await world.forge.comments(world.repo, number)
        replied = any("ci-bot:reply:" in each["body"] for each in comments)
        return replied if lost == COMMENTS else bool(await world.forge.reactions(world.repo, comment))

    await world.until(is_visible)
    world.bot.process.kill()
    await world.forge.clear_faults()
    world.bot.start()
    assert await reacted(world, comment, "-1") == ["-1"]
    await replies(world, number)
    await world.settled()
    assert len(await replies(world, number)) == 1
    assert Counter(await world.forge.reactions(world.repo, comment)) == {"-1": 1}
