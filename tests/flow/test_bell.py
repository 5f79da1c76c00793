"""Who waits for a bell is woken by it, at once or when something will be due."""

from __future__ import annotations

import asyncio

from ci_bot.flow.bell import Bell

LONG = 3600.0
PATIENCE = 30.0


async def test_who_waits_is_woken() -> None:
    bell = Bell()
    waiting = asyncio.create_task(bell.wait(LONG))
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.wait_for(waiting, PATIENCE)


async def test_a_ring_that_nobody_heard_wakes_the_next_one_once() -> None:
    bell = Bell()
    bell.ring()
    await asyncio.wait_for(bell.wait(LONG), PATIENCE)
    again = asyncio.create_task(bell.wait(LONG))
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


async def test_it_rings_by_itself_for_what_is_due_later_or_was_due_before() -> None:
    for seconds in (0.05, 0.0, -7.0):
        bell = Bell()
        bell.ring_after(seconds)
        await asyncio.wait_for(bell.wait(LONG), PATIENCE)


async def test_without_a_ring_the_net_holds() -> None:
    await asyncio.wait_for(Bell().wait(0.01), PATIENCE)
