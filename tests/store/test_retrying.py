"""Attempts that follow by themselves, on a real database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from ci_bot.core.decisions import Cancel, Decision, Retry
from ci_bot.core.model import Cause, JobRun
from ci_bot.core.planned import Retry as Planned
from ci_bot.core.states import Change, Status
from ci_bot.ports import Claim
from ci_bot.store import RunStore
from ci_bot.store.schema import runs
from tests.fakes import FakeIds
from tests.make import ALICE, REPO, SHA_A, creating, job, new_run, plan
from tests.store.conftest import Store

ME = "one/p1"


class Ids(FakeIds):
    """Other ones than the store's own."""

    def new(self) -> str:
        return f"again-{super().new()}"


@pytest.fixture
def works(store: Store) -> RunStore:
    return RunStore(store.database, store.clock, Ids(), infrastructure_retries=1)


async def begin(store: Store, retry: Planned | None) -> str:
    wanted = plan(replace(job("flaky"), retry=retry), job("after", needs=("flaky",)))
    (run_id,) = await store.decisions.commit(creating(new_run(plan=wanted)), None)
    return run_id


async def claimed(works: RunStore) -> Claim:
    claim = await works.claim(ME, 30)
    assert claim is not None
    return claim


async def end(works: RunStore, change: Change = Change.FAIL, code: int | None = 1) -> Claim:
    claim = await claimed(works)
    await works.start_step(claim.lease, 0)
    await works.end_step(claim.lease, 0, change, "why", code, 0)
    await works.end_job(claim.lease, change, "why")
    return claim


async def stand(works: RunStore, run_id: str) -> list[tuple[str, int, Cause, Status]]:
    return [(j.key, j.attempt, j.cause, j.status) for j in await works.attempts(run_id)]


async def latest(works: RunStore, run_id: str) -> JobRun:
    run = await works.run(run_id)
    assert run is not None
    return run.jobs[0]


async def test_a_flaky_job_is_tried_again_and_what_needs_it_waits(
    store: Store, works: RunStore
) -> None:
    run_id = await begin(store, Planned(2))
    await end(works)
    assert await stand(works, run_id) == [
        ("flaky", 1, Cause.FIRST, Status.FAILED),
        ("flaky", 2, Cause.RETRY, Status.READY),
        ("after", 1, Cause.FIRST, Status.WAITING),
    ]
    assert [(each.attempt, each.reason) for each in (await latest(works, run_id)).earlier] == [
        (1, "why")
    ]
    await end(works, Change.SUCCEED, 0)
    assert [status for *_, status in await stand(works, run_id)] == [
        Status.FAILED,
        Status.SUCCEEDED,
        Status.READY,
    ]


async def test_the_last_attempt_fails_what_needs_it_and_a_person_begins_the_count_anew(
    store: Store, works: RunStore
) -> None:
    run_id = await begin(store, Planned(1))
    await end(works)
    await end(works)
    assert [each[-1] for each in await stand(works, run_id)] == [
        Status.FAILED,
        Status.FAILED,
        Status.SKIPPED,
    ]
    asked = Retry(REPO.key, SHA_A, (run_id,), ALICE)
    await store.decisions.commit(Decision("x", retry=(asked,)), None)
    assert (await latest(works, run_id)).earlier == ()
    await end(works)
    assert [each[1:3] for each in (await stand(works, run_id))[:4]] == [
        (1, Cause.FIRST),
        (2, Cause.RETRY),
        (3, Cause.PERSON),
        (4, Cause.RETRY),
    ]
    assert (await latest(works, run_id)).asked_as == 3


async def test_an_infrastructure_failure_costs_a_pause_and_none_of_the_jobs_own_attempts(
    store: Store, works: RunStore
) -> None:
    run_id = await begin(store, Planned(1))
    assert await works.next_due() is None
    await end(works, Change.BREAK, None)
    assert await works.claim(ME, 30) is None
    assert await works.next_due() == store.clock.now() + 10
    store.clock.time += 10
    assert await works.next_due() is None
    await end(works)
    await end(works)
    assert [(cause, status) for _, _, cause, status in (await stand(works, run_id))[:3]] == [
        (Cause.FIRST, Status.BROKEN),
        (Cause.INFRASTRUCTURE, Status.FAILED),
        (Cause.RETRY, Status.FAILED),
    ]


async def test_the_infrastructures_account_has_an_end(store: Store, works: RunStore) -> None:
    run_id = await begin(store, Planned(5))
    for _ in range(2):
        await end(works, Change.BREAK, None)
        store.clock.time += 10
    assert [status for *_, status in await stand(works, run_id)] == [
        Status.BROKEN,
        Status.BROKEN,
        Status.SKIPPED,
    ]


async def test_what_nobody_wants_any_more_is_not_tried_again(store: Store, works: RunStore) -> None:
    run_id = await begin(store, Planned(2))
    claim = await claimed(works)
    await works.start_step(claim.lease, 0)
    await store.decisions.commit(Decision("x", cancel=(Cancel((run_id,), "by @alice"),)), None)
    await works.end_step(claim.lease, 0, Change.FAIL, "why", 1, 0)
    await works.end_job(claim.lease, Change.FAIL, "why")
    assert (await latest(works, run_id)).attempt == 1


async def test_a_superseded_run_gets_no_new_attempts(store: Store, works: RunStore) -> None:
    run_id = await begin(store, Planned(2))
    async with store.database.write() as connection:
        await connection.execute(update(runs).values(superseded=True))
    await end(works)
    assert (await latest(works, run_id)).attempt == 1


async def test_an_attempt_that_waits_for_its_time_can_be_cancelled(
    store: Store, works: RunStore
) -> None:
    run_id = await begin(store, None)
    await end(works, Change.BREAK, None)
    await store.decisions.commit(Decision("x", cancel=(Cancel((run_id,), "by @alice"),)), None)
    assert (await latest(works, run_id)).status is Status.CANCELLED
