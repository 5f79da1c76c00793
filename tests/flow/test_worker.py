"""Jobs are claimed up to the capacity, kept under lease, cancelled when asked, and let go at the end."""

from __future__ import annotations

import asyncio

import pytest

from ci_bot.core.decisions import Decision, Withdraw
from ci_bot.core.errors import StoreError
from ci_bot.core.states import Status
from tests.fakes import FakeStep
from tests.flow.road import ME, SUCCESSOR, Working
from tests.make import REPO, job


def withdrawn(reason: str = "the pull request was closed") -> Decision:
    return Decision(reason, withdraw=(Withdraw(REPO.key, reason, superseded=False),))


@pytest.mark.parametrize("capacity", [1, 3])
async def test_no_more_jobs_run_at_once_than_the_capacity_allows(
    working: Working, capacity: int
) -> None:
    jobs = [job(f"j{number}") for number in range(7)]
    go_on = asyncio.Event()
    working.executor.steps = {f"run {one.id}": FakeStep(until=go_on) for one in jobs}
    await working.start(*jobs)
    async with working.at_work(working.worker(capacity)):
        await working.executor.until_at_once(capacity)
        go_on.set()
        run = await working.until_ended()
    assert {one.status for one in run.jobs} == {Status.SUCCEEDED}
    assert working.executor.most_at_once == capacity
    assert sorted(working.executor.ran) == sorted(f"run {one.id}" for one in jobs)


async def test_a_job_whose_needs_have_passed_follows_at_once(working: Working) -> None:
    await working.start(job("build"), job("test", needs=("build",)))
    async with working.at_work(working.worker()):
        await working.until_ended()
    assert working.executor.ran == ["run build", "run test"]


async def test_it_is_told_when_a_step_begins_and_when_it_ends(working: Working) -> None:
    working.executor.steps["run test"] = FakeStep(hangs=True)
    await working.start(job("build"), job("test", needs=("build",)))
    async with working.at_work(working.worker()):
        await working.executor.until_running("run test")
        assert working.moved == 3
        await working.withdraw(withdrawn())
        await working.until_ended()
    assert working.moved == 4


async def test_what_an_earlier_process_left_comes_first(working: Working) -> None:
    await working.start(job("old"), job("new"))
    left = await working.claim(ME)
    async with working.at_work(working.worker(1, SUCCESSOR)):
        await working.until_ended()
    assert working.executor.ran == [f"run {left.job.key}", "run new"]


async def test_a_cancel_is_heard(working: Working) -> None:
    working.executor.steps["run test"] = FakeStep(hangs=True)
    await working.start(job("test"), job("other"))
    async with working.at_work(working.worker()):
        await working.executor.until_running("run test")
        await working.withdraw(withdrawn())
        await working.until_ended()
        while working.workspaces.kept:
            await asyncio.sleep(0.005)
    ended = await working.job()
    assert ended.status is Status.CANCELLED
    assert ended.steps[0].reason == "the pull request was closed"
    assert working.executor.open_jobs == working.workspaces.kept == set()


async def test_a_job_that_was_being_cancelled_is_ended_beside_its_next_attempt(
    working: Working,
) -> None:
    await working.start(job("test"))
    await working.begin()
    await working.withdraw(withdrawn())
    run = await working.start(job("test"))  # the same head is wanted again
    async with working.at_work(working.worker(holder=SUCCESSOR)):
        while not all(one.status.is_final for one in await working.store.runs.attempts(run.id)):
            await asyncio.sleep(0.005)
    first, second = await working.store.runs.attempts(run.id)
    assert (first.attempt, second.attempt, second.status) == (1, 2, Status.SUCCEEDED)
    assert (await working.store.the_run()).jobs == (second,)


async def test_being_stopped_lets_go_of_all_jobs_without_ending_any(working: Working) -> None:
    working.executor.steps["run test"] = FakeStep(hangs=True)
    await working.start(job("test"))
    worker = working.worker()
    async with working.at_work(worker) as task:
        await working.executor.until_running("run test")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
    job_id = (await working.job()).id
    assert (await working.job()).status is Status.RUNNING
    assert working.executor.open_jobs == working.workspaces.kept == {job_id}

    working.executor.steps.clear()
    async with working.at_work(working.worker(holder=SUCCESSOR)):
        await working.until_ended()
    assert (await working.job()).status is Status.SUCCEEDED
    assert [spec.generation for spec in working.executor.specs] == [1, 1]


async def test_idle_waits_until_what_is_held_has_been_cleaned_up(working: Working) -> None:
    worker = working.worker()
    async with asyncio.timeout(5):
        await worker.idle()
    go_on = asyncio.Event()
    working.executor.steps["run test"] = FakeStep(until=go_on)
    await working.start(job("test"))
    async with working.at_work(worker):
        await working.executor.until_running("run test")
        go_on.set()
        await worker.idle()
        assert working.executor.open_jobs == working.workspaces.kept == set()
    assert (await working.job()).status is Status.SUCCEEDED


async def test_a_database_that_fails_for_a_while_does_not_stop_the_worker(working: Working) -> None:
    flaky = working.flaky
    flaky.fails = {"claim": [StoreError("locked")], "renew": [StoreError("locked")]}
    await working.start(job("test"))
    worker = working.worker(runs=flaky)
    async with working.at_work(worker) as task:
        while "claim" not in flaky.calls:
            await asyncio.sleep(0.001)
        assert not task.done()
        await working.until_ended()
    assert (await working.job()).status is Status.SUCCEEDED


async def test_a_job_whose_end_could_not_be_stored_is_taken_up_again(working: Working) -> None:
    flaky = working.flaky
    flaky.fails["end_job"] = [StoreError("locked")]
    await working.start(job("test"))
    worker = working.worker(runs=flaky)
    async with working.at_work(worker):
        while flaky.calls.count("end_job") < 1:
            await asyncio.sleep(0.001)
        await worker.idle()
        working.store.clock.time += 31
        await working.until_ended()
    ended = await working.job()
    assert (ended.status, ended.attempt) == (Status.SUCCEEDED, 1)
    assert working.executor.ran == ["run test"]


async def test_the_meters_tell_how_many_jobs_run_and_how_they_ended(working: Working) -> None:
    await working.start(job("test"), job("other"))
    registry = working.meters.registry
    async with working.at_work(working.worker()):
        await working.until_ended()
        while registry.get_sample_value("ci_bot_jobs_running"):  # counted after its end is stored
            await asyncio.sleep(0.005)
    assert registry.get_sample_value("ci_bot_jobs_running") == 0
    assert registry.get_sample_value("ci_bot_jobs_total", {"result": "succeed"}) == 2
