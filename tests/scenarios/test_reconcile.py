"""What the forge could not deliver, and what it never told, is tested all the same."""

from __future__ import annotations

import asyncio

from tests.scenarios.world import PASSING, World


async def test_what_happened_while_no_server_ran_is_tested_when_it_is_back(own_world: World) -> None:
    """GitHub does not deliver again by itself: the server asks for it."""
    world = own_world
    await world.make_repo(None)
    world.bot.process.stop()
    pushed = await world.push("main", ci_yaml=PASSING)
    head = await world.push("feature", a="1")
    number = await world.open_pull("feature")
    await world.forge.comment(world.repo, number, "/retry", by="alice")
    await world.forge.quiet()
    world.bot.start()
    assert (await world.check(pushed))["conclusion"] == "success"
    assert (await world.check(head))["conclusion"] == "success"
    (comment,) = await world.until(lambda: _commands(world, number))
    assert await world.until(lambda: world.forge.reactions(world.repo, comment))


async def test_a_quiet_system_is_left_as_it_is(own_world: World) -> None:
    """Every start looks anew; the forge is asked, and told nothing."""
    world = own_world
    await world.make_repo()
    sha = await world.push("feature", a="1")
    await world.open_pull("feature")
    await world.check(sha)
    await world.settled()
    await world.until(lambda: not world.containers())
    before = (await world.forge.ledger())[-1]["n"]
    for _ in range(3):
        world.bot.process.stop()
        world.bot.start()
        await asyncio.sleep(1.5)
    since = await world.forge.ledger(before)
    mine = [one for one in since if one["kind"] == "api" and one["path"].startswith("/repos/")]
    assert {one["method"] for one in mine if world.org in one["path"]} <= {"GET"}
    assert any("/pulls" in one["path"] for one in mine)


async def _commands(world: World, number: int) -> list[int]:
    comments = await world.forge.comments(world.repo, number)
    return [one["id"] for one in comments if one["body"] == "/retry"]
