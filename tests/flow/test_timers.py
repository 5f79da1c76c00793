"""What belongs to no running job is removed, every so often, whatever else is broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.core.errors import EngineGone, WorkspaceError
from ci_bot.flow.timers import KEEP_COMMITS_SECONDS, Prune, Reaper, make_timers
from tests.fakes import FakeClock
from tests.flow.road import ME, SUCCESSOR, Working
from tests.make import job


async def test_leftovers_go_and_what_a_running_job_has_stays(working: Working) -> None:
    await working.start(job("test"))
    alive = (await working.claim(ME)).job.id
    working.executor.open_jobs = {alive, "left"}
    working.workspaces.kept = {alive, "left"}
    await reaper(working).reap()
    assert working.executor.open_jobs == working.workspaces.kept == {alive}


async def test_an_engine_that_is_gone_keeps_no_workspace_from_being_removed(working: Working) -> None:
    working.executor.broken = EngineGone("no answer")
    working.workspaces.kept = {"left"}
    await reaper(working).reap()
    assert working.workspaces.kept == set()


async def test_the_timers_do_nothing_twice_at_a_time(working: Working) -> None:
    for timer in make_timers(reaper(working), never, never, 60, FakeClock()).get_jobs():
        assert (timer.max_instances, timer.coalesce) == (1, True)


async def test_commits_that_nobody_used_for_a_month_are_forgotten(working: Working) -> None:
    asked, prune = broken_pruning()
    clock = FakeClock()
    timers = make_timers(reaper(working), prune, never, 60, clock)
    await of_hours(timers, 6)()
    assert asked == [clock.now() - KEEP_COMMITS_SECONDS]


async def test_secrets_that_no_step_can_hold_any_more_are_forgotten(working: Working) -> None:
    asked, prune = broken_pruning()
    clock = FakeClock()
    await of_hours(make_timers(reaper(working), never, prune, 7200, clock), 1)()
    assert asked == [clock.now() - 7200]


def broken_pruning() -> tuple[list[float], Prune]:
    asked: list[float] = []

    async def prune(before: float) -> int:
        asked.append(before)
        raise WorkspaceError("the disk is gone")  # met again next time

    return asked, prune


def of_hours(timers: AsyncIOScheduler, hours: int) -> Callable[[], Awaitable[None]]:
    (found,) = [job for job in timers.get_jobs() if job.trigger.interval.seconds == hours * 3600]
    work: Callable[[], Awaitable[None]] = found.func
    return work


def reaper(working: Working) -> Reaper:
    return Reaper(SUCCESSOR, working.executor, working.workspaces, working.store.runs)


async def never(_before: float) -> int:
    raise AssertionError
