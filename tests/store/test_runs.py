"""Leases, epochs, needs and attempts, on a real database."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from ci_bot.core.decisions import Decision, Retry, Withdraw
from ci_bot.core.errors import LeaseLost, UnreadableRun
from ci_bot.core.model import RunKind
from ci_bot.core.states import Change, Status
from ci_bot.store.schema import runs
from tests.make import ALICE, REPO, SHA_A, SHA_B, creating, job, new_run, plan
from tests.store.conftest import Store

ME, SUCCESSOR, STRANGER = "one/p1", "one/p2", "two/p1"


async def test_a_run_comes_back_as_it_was_written(store: Store) -> None:
    wanted = new_run(plan=plan(job("build", "make", "make test"), job("deploy", needs=("build",))))
    (run_id,) = await store.decisions.commit(creating(wanted), None)
    run = await store.runs.run(run_id)
    assert run is not None
    assert (run.repo, run.kind, run.sha, run.plan) == (REPO, RunKind.PUSH, SHA_A, wanted.plan)
    build, deploy = run.jobs
    assert (build.status, deploy.status) == (Status.READY, Status.WAITING)
    assert [step.name for step in build.steps] == ["make", "make test"]


async def test_the_same_natural_key_is_the_same_run(store: Store) -> None:
    first = await store.decisions.commit(creating(new_run()), None)
    second = await store.decisions.commit(creating(new_run()), None)
    assert first == second
    assert len(await store.runs.recent(10)) == 1


async def test_a_job_is_claimed_once_however_many_ask(store: Store) -> None:
    await store.decisions.commit(creating(new_run(plan=plan(job("a"), job("b")))), None)
    claims = await asyncio.gather(*(store.runs.claim(f"s{i}/p", 30) for i in range(8)))
    assert sorted(claim.job.key for claim in claims if claim) == ["a", "b"]


async def test_a_need_that_succeeded_releases_and_one_that_failed_skips(store: Store) -> None:
    wanted = plan(
        job("a"), job("b"), job("c", needs=("a",)), job("d", needs=("b",)), job("e", needs=("d",))
    )
    (run_id,) = await store.decisions.commit(creating(new_run(plan=wanted)), None)
    for change in (Change.SUCCEED, Change.FAIL):
        claim = await store.runs.claim(ME, 30)
        assert claim is not None
        await store.runs.start_step(claim.lease, 0)
        await store.runs.end_step(claim.lease, 0, change, "", 0, 0)
        await store.runs.end_job(claim.lease, change, "why")
    run = await store.runs.run(run_id)
    assert run is not None
    assert {job.key: (job.status, job.reason) for job in run.jobs if job.key in "cde"} == {
        "c": (Status.READY, ""),
        "d": (Status.SKIPPED, 'needs "b", which failed'),
        "e": (Status.SKIPPED, 'needs "d", which was skipped'),
    }


async def test_the_next_process_of_an_instance_adopts_at_once(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    first = await store.runs.claim(ME, 30)
    assert first is not None
    assert await store.runs.claim(ME, 30) is None
    assert await store.runs.claim(STRANGER, 30) is None
    adopted = await store.runs.claim(SUCCESSOR, 30)
    assert adopted is not None
    assert adopted.is_adopted
    assert adopted.lease.epoch == first.lease.epoch + 1


async def test_an_expired_lease_is_adopted_and_the_old_holder_can_write_no_more(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    first = await store.runs.claim(ME, 30)
    assert first is not None
    store.clock.time += 31
    second = await store.runs.claim(STRANGER, 30)
    assert second is not None
    with pytest.raises(LeaseLost):
        await store.runs.start_step(first.lease, 0)
    with pytest.raises(LeaseLost):
        await store.runs.end_job(first.lease, Change.SUCCEED, "")
    assert await store.runs.start_step(second.lease, 0) == 1


async def test_a_generation_rises_with_each_start_of_an_attempt(store: Store) -> None:
    await store.decisions.commit(creating(new_run()), None)
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    assert await store.runs.start_step(claim.lease, 0) == 1
    run = await store.runs.run(claim.run.id)
    assert run is not None
    assert (run.jobs[0].steps[0].generation, run.jobs[0].steps[0].status) == (1, Status.RUNNING)


async def test_withdrawing_cancels_what_waits_and_asks_the_holder_of_what_runs(store: Store) -> None:
    wanted = plan(job("a"), job("b", needs=("a",)))
    await store.decisions.commit(creating(new_run(plan=wanted)), None)
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    newer = new_run(sha=SHA_B)
    gone = Withdraw(
        REPO.key, "superseded by bbbbbbb", superseded=True, ref="main", except_key=newer.key
    )
    await store.decisions.commit(Decision("x", create=(newer,), withdraw=(gone,)), None)
    assert await store.runs.renew([claim.lease], 30) == {claim.job.id: "superseded by bbbbbbb"}
    await store.runs.end_job(claim.lease, Change.CANCEL, "superseded by bbbbbbb")
    run = await store.runs.run(claim.run.id)
    assert run is not None
    assert run.superseded
    assert [job.status for job in run.jobs] == [Status.CANCELLED, Status.CANCELLED]


async def test_a_retry_is_a_new_attempt_of_what_failed_and_of_what_needs_it(store: Store) -> None:
    wanted = plan(job("good"), job("bad"), job("after", needs=("bad",)))
    (run_id,) = await store.decisions.commit(creating(new_run(plan=wanted)), None)
    for change in (Change.SUCCEED, Change.FAIL):
        claim = await store.runs.claim(ME, 30)
        assert claim is not None
        await store.runs.end_job(claim.lease, change, "")
    await store.decisions.commit(Decision("x", retry=(Retry(REPO.key, SHA_A, (run_id,), ALICE),)), None)
    run = await store.runs.run(run_id)
    assert run is not None
    assert {job.key: (job.attempt, job.status) for job in run.jobs} == {
        "good": (1, Status.SUCCEEDED),
        "bad": (2, Status.READY),
        "after": (2, Status.WAITING),
    }
    assert [job.attempt for job in await store.runs.attempts(run_id)] == [1, 1, 2, 1, 2]


async def test_a_head_that_came_back_is_tested_again_where_it_was_cancelled(store: Store) -> None:
    first = new_run(sha=SHA_A)
    (run_id,) = await store.decisions.commit(creating(first), None)
    gone = Withdraw(REPO.key, "superseded", superseded=True, sha=SHA_A)
    await store.decisions.commit(Decision("x", withdraw=(gone,)), None)
    assert await store.decisions.commit(creating(first), None) == (run_id,)
    run = await store.runs.run(run_id)
    assert run is not None
    assert not run.superseded
    assert [(job.attempt, job.status) for job in run.jobs] == [(2, Status.READY)]


async def test_a_run_that_cannot_be_read_keeps_nobody_from_the_others(store: Store) -> None:
    """Chaos: one plan of another version ended the server, and every restart of it."""
    (bad,) = await store.decisions.commit(creating(new_run(SHA_A)), None)
    (good,) = await store.decisions.commit(creating(new_run(SHA_B)), None)
    async with store.database.write() as connection:
        await connection.execute(update(runs).where(runs.c.id == bad).values(plan='{"jobs": 1}'))
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    assert claim.run.id == good
    assert [subject.sha for subject in await store.publications.due(10)] == [SHA_B]
    with pytest.raises(UnreadableRun, match=f"run {bad} cannot be read by this version"):
        await store.runs.run(bad)
