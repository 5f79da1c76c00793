"""Before a job starts the forge is asked again about those who vouched, but not for each job of a run."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.events import Permission
from ci_bot.core.model import Verdict
from ci_bot.core.states import Status
from ci_bot.core.trust import Role, Voucher
from ci_bot.flow.steps import Cancelling
from tests.flow.road import Working
from tests.make import ALICE, SHA_A, SHA_B, creating, job, new_run, plan


async def vouched_run(working: Working, sha: str = SHA_A) -> None:
    now = working.store.clock.now()
    people = tuple(Voucher(ALICE, role, Permission.WRITE, now) for role in (Role.AUTHOR, Role.SENDER))
    three = plan(job("one"), job("two"), job("three"))
    new = new_run(sha, plan=three)
    await working.store.decisions.commit(creating(replace(new, vouchers=people)), None)


async def test_a_run_that_starts_at_once_asks_nobody(working: Working) -> None:
    await vouched_run(working)
    await working.runner().carry_out(await working.claim(), Cancelling())
    assert working.asked == []


async def test_later_jobs_of_one_run_ask_once_a_minute(working: Working) -> None:
    await vouched_run(working)
    runner, clock = working.runner(), working.store.clock
    clock.time += 61
    await runner.carry_out(await working.claim(), Cancelling())
    clock.time += 30
    await runner.carry_out(await working.claim(), Cancelling())
    assert working.asked == ["alice"]
    clock.time += 31
    await runner.carry_out(await working.claim(), Cancelling())
    assert working.asked == ["alice", "alice"]


async def test_each_run_asks_for_itself(working: Working) -> None:
    await vouched_run(working)
    await vouched_run(working, SHA_B)
    working.store.clock.time += 61
    runner = working.runner()
    for _ in range(6):
        await runner.carry_out(await working.claim(), Cancelling())
    assert working.asked == ["alice", "alice"]


async def test_a_no_is_not_kept_so_that_who_may_write_again_is_believed(working: Working) -> None:
    await vouched_run(working)
    working.store.clock.time += 61
    working.permissions[ALICE.id] = Permission.READ
    runner = working.runner()
    await runner.carry_out(await working.claim(), Cancelling())
    run = await working.store.the_run()
    assert run.verdict is Verdict.HELD
    assert {each.status for each in run.jobs} == {Status.CANCELLED}
    working.permissions[ALICE.id] = Permission.WRITE
    await vouched_run(working, SHA_B)
    working.store.clock.time += 61
    await runner.carry_out(await working.claim(), Cancelling())
    assert working.asked == ["alice", "alice"]
