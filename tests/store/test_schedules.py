"""Each moment of a schedule is taken once: by several processes, over restarts, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import select, text

from ci_bot.core.decisions import Decision, SeeRepo, SetSchedules, TickTaken
from ci_bot.core.planned import Schedule
from ci_bot.core.scheduling import of_letter
from ci_bot.store import Database, ScheduleStore
from ci_bot.store.schema import deliveries
from tests.make import ALICE, REPO, SHA_A, SHA_B, new_run
from tests.store.conftest import Store

HOURLY = Schedule("0 * * * *", "", 3)
TWO = (HOURLY, Schedule("30 4 * * *", "release", 4))
NOON = 1_795_780_800.0  # 2026-11-27 12:00 UTC


async def declare(store: Store, *schedules: Schedule, sha: str = SHA_A) -> None:
    new = SetSchedules(REPO.key, sha, ALICE, schedules)
    await store.decisions.commit(Decision("x", repos=(SeeRepo(REPO),), schedules=(new,)), None)


async def letters(store: Store) -> list[tuple[str, str]]:
    query = select(deliveries.c.delivery_id, deliveries.c.turn).order_by(deliveries.c.id)
    async with store.database.read() as connection:
        return [(row.delivery_id, row.turn) for row in await connection.execute(query)]


async def test_each_moment_is_taken_once_by_however_many_handles(store: Store) -> None:
    store.clock.time = NOON
    await declare(store, *TWO)
    store.clock.time = NOON + 3600
    others = [await Database.open(store.url) for _ in range(3)]
    handles = [ScheduleStore(each, store.clock) for each in (store.database, *others)]
    try:
        taken = await asyncio.gather(*(each.take_due(NOON) for each in handles * 3))
    finally:
        for each in others:
            await each.close()
    assert sum(taken) == 1
    ((id, turn),) = await letters(store)
    assert (id.endswith(f"@{int(NOON) + 3600}"), turn) == (True, REPO.key)


async def test_what_is_stored_is_what_was_declared(store: Store) -> None:
    store.clock.time = NOON
    await declare(store, *TWO)
    first, second = await store.schedules.listed(REPO.key)
    assert (first.cron, first.runs_on, first.line, first.due_at) == (
        "0 * * * *",
        "main",
        3,
        NOON + 3600,
    )
    assert (second.cron, second.runs_on, second.actor) == ("30 4 * * *", "release", ALICE)
    assert await store.schedules.listed("github:404") == []
    assert await store.schedules.schedule(first.id) == first
    assert await store.schedules.schedule("none") is None
    (known,) = await store.repositories.served()
    assert known.schedules_sha == SHA_A


async def test_the_outcome_of_a_tick_outlives_another_push(store: Store) -> None:
    store.clock.time = NOON
    await declare(store, HOURLY)
    (timed,) = await store.schedules.listed()
    new = new_run()
    taken = TickTaken(timed.id, NOON, "tests aaaaaaa", new.key)
    (run_id,) = await store.decisions.commit(Decision("x", create=(new,), ticked=(taken,)), None)
    store.clock.time = NOON + 60
    await declare(store, replace(HOURLY, line=9), sha=SHA_B)
    (after,) = await store.schedules.listed()
    assert (after.id, after.last_due, after.outcome, after.run) == (
        timed.id,
        NOON,
        *("tests aaaaaaa", run_id),
    )
    assert (after.line, after.sha, after.due_at) == (9, SHA_B, timed.due_at)


async def test_what_another_version_wrote_is_not_due_for_ever(store: Store) -> None:
    store.clock.time = NOON
    await declare(store, HOURLY)
    async with store.database.write() as connection:
        await connection.execute(text("UPDATE schedules SET cron = 'nonsense'"))
    store.clock.time = NOON + 7200
    assert await store.schedules.take_due(NOON) == 1
    assert await store.schedules.take_due(NOON) == 0
    stored = (await store.inbox.pending(9))[0]
    assert of_letter(stored.delivery.body).due_at == NOON + 3600
