"""Places in line from what is stored: fair, bounded, in order, and free again after whatever happened."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

import pytest

from ci_bot.core.decisions import Cancel, Decision, Retry, SeeRepo
from ci_bot.core.model import JobRun
from ci_bot.core.planned import Concurrency, Job
from ci_bot.core.queueing import Allowance
from ci_bot.core.states import Change, Status
from ci_bot.ports import Claim
from ci_bot.store import LineStore, RunStore
from tests.fakes import FakeIds
from tests.make import ALICE, REPO, creating, job, new_run, plan
from tests.store.conftest import Store

ME = "one/p1"
OTHER_REPO = replace(REPO, id=8, name="acme/lib")


def cells(*numbers: int, **more: object) -> list[Job]:
    return [replace(job(f"t({n})"), group="t", **more) for n in numbers]  # type: ignore[arg-type]


async def start(store: Store, sha: str, *jobs: Job, repo: object = REPO, **more: object) -> str:
    """A run of one commit a second later than the last; its id."""
    store.clock.time += 1
    new = new_run(sha * 40, plan=replace(plan(*jobs), **more), repo=repo)  # type: ignore[arg-type]
    new = replace(new, key=f"{new.key} {uuid.uuid4()}")
    (run_id,) = await store.decisions.commit(
        replace(creating(new), repos=(SeeRepo(repo),)),  # type: ignore[arg-type]
        None,
    )
    return run_id


async def claimed(store: Store, runs: RunStore | None = None) -> list[Claim]:
    found = []
    while claim := await (runs or store.runs).claim(ME, 30):
        found.append(claim)
    return found


async def end(store: Store, claim: Claim, change: Change = Change.SUCCEED) -> None:
    store.clock.time += 1
    await store.runs.start_step(claim.lease, 0)
    await store.runs.end_step(claim.lease, 0, change, "exit code 1", 0, 0)
    await store.runs.end_job(claim.lease, change, "why")


async def jobs_of(store: Store, run_id: str) -> dict[str, JobRun]:
    run = await store.runs.run(run_id)
    assert run is not None
    return {job.key: job for job in run.jobs}


async def test_a_flood_of_one_repository_does_not_keep_another_waiting(store: Store) -> None:
    await start(store, "a", *(job(f"a{n}") for n in range(4)))
    await start(store, "b", job("b0"), job("b1"), repo=OTHER_REPO)
    assert [claim.job.key for claim in await claimed(store)] == ["a0", "b0", "a1", "b1", "a2", "a3"]


async def test_limits_hold_and_what_waits_says_why(store: Store) -> None:
    runs = RunStore(store.database, store.clock, FakeIds(), Allowance(per_repo=2))
    run_id = await start(store, "a", job("a"), job("b"), job("c"))
    first, _ = await claimed(store, runs)
    waits = (await jobs_of(store, run_id))["c"].waits
    assert waits == "waits for other jobs of this repository: it may have 2 at a time"
    survey = await LineStore(store.database, store.clock, Allowance(per_repo=2)).now()
    assert [(place.repo, place.job) for place in survey.places] == [
        ("acme/shop", "a"),
        ("acme/shop", "b"),
    ]
    assert [(each.job, each.why) for each in survey.waiting] == [("c", waits)]
    await end(store, first)
    (third,) = await claimed(store, runs)
    assert (third.job.key, third.job.waits) == ("c", "")


async def test_max_parallel_counts_cells_and_a_retry_of_one(store: Store) -> None:
    run_id = await start(store, "a", *cells(1, 2, 3, max_parallel=1))
    (first,) = await claimed(store)
    await end(store, first, Change.FAIL)
    retry = Retry(REPO.key, "a" * 40, (run_id,), ALICE, ("t(1)",))
    await store.decisions.commit(Decision("again", retry=(retry,)), None)
    keys = []
    while found := await claimed(store):
        (claim,) = found
        keys.append((claim.job.key, claim.job.attempt))
        await end(store, claim)
    assert sorted(keys) == [("t(1)", 2), ("t(2)", 1), ("t(3)", 1)]


async def test_the_first_failure_ends_the_other_cells_and_says_so(store: Store) -> None:
    run_id = await start(store, "a", *cells(1, 2, 3, fail_fast=True, max_parallel=2))
    first, second = await claimed(store)
    await end(store, first, Change.FAIL)
    found = await jobs_of(store, run_id)
    why = '"t(1)" failed, and the matrix is fail-fast'
    assert (found["t(3)"].status, found["t(3)"].reason) == (Status.CANCELLED, why)
    assert await store.runs.renew([second.lease], 30) == {second.job.id: why}
    await store.runs.end_job(second.lease, Change.CANCEL, why)
    retry = Retry(REPO.key, "a" * 40, (run_id,), ALICE, ("t(3)",))
    await store.decisions.commit(Decision("one cell again", retry=(retry,)), None)
    (again,) = await claimed(store)  # the failure of another cell was before
    assert (again.job.key, again.job.attempt) == ("t(3)", 2)


async def test_a_family_is_cancelled_and_tried_again_by_its_name(store: Store) -> None:
    run_id = await start(store, "a", *cells(1, 2), job("other"))
    cancel = Cancel((run_id,), "cancelled by @alice", ("t",))
    await store.decisions.commit(Decision("no", cancel=(cancel,)), None)
    assert [job.status for job in (await jobs_of(store, run_id)).values()] == [
        Status.CANCELLED,
        Status.CANCELLED,
        Status.READY,
    ]
    retry = Retry(REPO.key, "a" * 40, (run_id,), ALICE, ("t",))
    await store.decisions.commit(Decision("yes", retry=(retry,)), None)
    assert {claim.job.key for claim in await claimed(store)} == {"t(1)", "t(2)", "other"}


DEPLOY = Concurrency("deploy")


async def test_runs_of_a_group_follow_one_another_and_a_retry_queues_behind(store: Store) -> None:
    first = await start(store, "a", job("a"), job("b", needs=("a",)), concurrency=DEPLOY)
    second = await start(store, "b", job("a"), concurrency=DEPLOY)
    third = await start(store, "c", job("a"), concurrency=DEPLOY)
    (claim,) = await claimed(store)
    await end(store, claim)
    (claim,) = await claimed(store)
    assert (claim.run.id, claim.job.key) == (first, "b")  # it keeps its place between two jobs
    assert "waits for an earlier run" in (await jobs_of(store, second))["a"].waits
    await end(store, claim)
    (claim,) = await claimed(store)
    assert claim.run.id == second
    retry = Retry(REPO.key, "a" * 40, (first,), ALICE, ("b",))
    store.clock.time += 1
    await store.decisions.commit(Decision("again", retry=(retry,)), None)
    order = []
    for _ in range(3):
        await end(store, claim)
        found = await claimed(store)
        order += [each.run.id for each in found]
        claim = found[0] if found else claim
        if not found:
            break
    assert order == [third, first]


@pytest.mark.parametrize(("named", "then"), [((), Status.CANCELLED), (("build",), Status.READY)])
async def test_what_always_runs_follows_a_job_that_was_cancelled_and_ends_with_its_run(
    store: Store, named: tuple[str, ...], then: Status
) -> None:
    tidy = replace(job("tidy", needs=("build",)), condition="always()")
    run_id = await start(store, "a", job("build"), tidy)
    cancel = Cancel((run_id,), "cancelled by @alice", named)
    await store.decisions.commit(Decision("c", cancel=(cancel,)), None)
    assert (await jobs_of(store, run_id))["build"].status is Status.CANCELLED
    assert (await jobs_of(store, run_id))["tidy"].status is then


async def test_cancel_older_ends_what_waits_and_what_runs_of_older_runs(store: Store) -> None:
    group = Concurrency("deploy", cancel_older=True)
    deploy = replace(job("d"), concurrency=group)
    first = await start(store, "a", deploy, job("test"))
    (holder, _) = await claimed(store)
    second = await start(store, "b", deploy)
    third = await start(store, "c", deploy)
    why = 'the newer run of ccccccc takes its place in the concurrency group "deploy" (cancel-older)'
    waiting = (await jobs_of(store, second))["d"]
    assert (waiting.status, waiting.reason) == (Status.CANCELLED, why)
    asked = await store.runs.renew([holder.lease], 30)
    assert "takes its place" in asked[holder.job.id]
    assert (await jobs_of(store, first))["test"].status is Status.RUNNING
    assert await claimed(store) == []  # until the older one has really ended
    await store.runs.end_job(holder.lease, Change.CANCEL, "x")
    assert [claim.run.id for claim in await claimed(store)] == [third]


async def test_a_whole_run_makes_way_with_all_it_has(store: Store) -> None:
    group = Concurrency("main", cancel_older=True)
    first = await start(store, "a", job("a"), job("b", needs=("a",)), concurrency=group)
    await start(store, "b", job("a"), concurrency=group)
    assert {job.status for job in (await jobs_of(store, first)).values()} == {Status.CANCELLED}


async def test_a_server_that_was_killed_while_it_held_a_place_leaks_none(store: Store) -> None:
    deploy = replace(job("d"), concurrency=DEPLOY)
    await start(store, "a", deploy)
    second = await start(store, "b", deploy)
    assert len(await claimed(store)) == 1
    store.clock.time += 31  # nobody renews: its holder was killed
    (adopted,) = await claimed(store)
    assert adopted.is_adopted
    await store.runs.end_job(adopted.lease, Change.BREAK, "gone")
    assert [claim.run.id for claim in await claimed(store)] == [second]


async def test_many_servers_do_not_share_one_place(store: Store) -> None:
    for sha in "abcd":
        await start(store, sha, replace(job("d"), concurrency=Concurrency("deploy", 2)))
    found = await asyncio.gather(*(store.runs.claim(f"s{n}/p", 30) for n in range(8)))
    assert sum(claim is not None for claim in found) == 2


@pytest.mark.parametrize("count", [256])
async def test_a_matrix_of_many_cells_is_one_lane(store: Store, count: int) -> None:
    made = [replace(each, max_parallel=3) for each in cells(*range(count))]
    run_id = await start(store, "a", *made)
    assert len(await claimed(store)) == 3
    assert sum(bool(each.waits) for each in (await jobs_of(store, run_id)).values()) == count - 3
