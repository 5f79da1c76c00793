"""Artifacts and caches in the database, on both kinds: who finds what, and what may go when."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import LeaseLost
from ci_bot.core.extras import CacheUse, Extras, KeptArtifacts
from ci_bot.core.model import RunKind
from ci_bot.core.retention import DAY
from ci_bot.core.states import Change
from ci_bot.ports import ArtifactRecord, Claim, NewCache
from tests.make import SHA_A, creating, job, new_run, plan
from tests.store.conftest import Store


async def claimed(store: Store) -> Claim:
    jobs = plan(job("test"), job("later", needs=("test",)))
    await store.decisions.commit(creating(new_run(SHA_A, plan=jobs)), None)
    claim = await store.runs.claim("me/1", 30)
    assert claim is not None
    return claim


def record(claim: Claim, expires_at: float) -> ArtifactRecord:
    return ArtifactRecord(claim.job.id, (("a", 1), ("dist/ü", 2)), 3, 4, expires_at)


def cache(id: str, key: str = "deps-1", branch: str = "main", **more: str) -> NewCache:
    return NewCache(id, more.get("repo", "github:7"), branch, key, more.get("shape", "s"), 10, 2.5)


async def test_what_is_noted_comes_with_the_job_and_again_in_its_place(store: Store) -> None:
    claim = await claimed(store)
    extras = Extras((CacheUse("k", note="why"),), KeptArtifacts(2, 3, 4, 9.0))
    later = store.clock.now() + 100
    await store.artifacts.note(claim.lease, Extras(), record(claim, 1.0))
    await store.artifacts.note(claim.lease, extras, record(claim, later))
    assert (await store.the_run()).jobs[0].extras == extras
    assert await store.artifacts.of([claim.job.id, "other"]) == [record(claim, later)]
    store.clock.time += 101
    assert await store.artifacts.of([claim.job.id]) == []


async def test_who_lost_the_lease_notes_nothing(store: Store) -> None:
    claim = await claimed(store)
    store.clock.time += 31
    assert await store.runs.claim("other/1", 30)
    with pytest.raises(LeaseLost):
        await store.artifacts.note(claim.lease, Extras(), record(claim, 1.0))
    assert (await store.the_run()).jobs[0].extras == Extras()


async def test_artifacts_that_a_later_job_may_need_do_not_expire(store: Store) -> None:
    claim = await claimed(store)
    await store.artifacts.note(claim.lease, Extras(), record(claim, store.clock.now() + 1))
    await store.runs.end_job(claim.lease, Change.SUCCEED, "")
    store.clock.time += 2
    assert [each.is_open for each in await store.artifacts.all()] == [True]
    last = await store.runs.claim("me/1", 30)
    assert last is not None
    assert await store.artifacts.known([claim.job.id, last.job.id, "x"]) == {claim.job.id, last.job.id}
    await store.runs.end_job(last.lease, Change.SUCCEED, "")
    [closed] = await store.artifacts.all()
    assert (closed.job_id, closed.is_open) == (claim.job.id, False)
    assert closed.made_at < closed.expires_at < store.clock.now()
    await store.artifacts.drop([claim.job.id])
    assert await store.artifacts.all() == []


async def test_they_go_with_their_run(store: Store) -> None:
    await store.decisions.commit(creating(new_run(SHA_A, kind=RunKind.TAG, ref="v1")), None)
    claim = await store.runs.claim("me/1", 30)
    assert claim is not None
    await store.artifacts.note(claim.lease, Extras(), record(claim, store.clock.now() + 99 * DAY))
    await store.runs.end_job(claim.lease, Change.FAIL, "")
    for subject in await store.publications.due(10):
        await store.publications.shown(subject.id, subject.wanted)
    store.clock.time += DAY
    assert (await store.past.forget_runs(store.clock.now())).jobs == (claim.job.id,)
    assert await store.artifacts.known([claim.job.id]) == set()


async def test_the_exact_key_comes_first_then_the_newest_of_each_beginning(store: Store) -> None:
    for number, each in enumerate(
        [cache("a", "deps-1"), cache("b", "deps-2"), cache("c", "dep_1"), cache("d", "deps-1", "topic")]
    ):
        store.clock.time += number
        assert await store.caches.add(each)

    async def find(key: str, *fallback: str, branches: tuple[str, ...] = ("main",), **more: str) -> str:
        found = await store.caches.find(
            more.get("repo", "github:7"), branches, key, more.get("shape", "s"), fallback
        )
        return found.id if found else ""

    assert await find("deps-1") == "a"
    assert await find("deps-1", branches=("topic", "main")) == "d"
    assert await find("deps-2", branches=("topic", "main")) == "b"
    assert await find("deps-9", "deps-") == "b"
    assert await find("deps-9", "x-", "dep_") == "c"  # "_" is no pattern of SQL
    assert await find("deps-9") == ""
    assert await find("deps-1", repo="github:8") == ""
    assert await find("deps-1", shape="other") == ""
    assert await find("deps-1", branches=()) == ""


async def test_a_key_is_written_once_and_its_use_counts(store: Store) -> None:
    assert await store.caches.add(cache("a"))
    assert not await store.caches.add(cache("b"))
    made = store.clock.now()
    store.clock.time += 50
    await store.caches.find("github:7", ("main",), "deps-1", "s", ())
    (found,) = await store.caches.all()
    assert (found.id, found.size, found.used_at) == ("a", 10, made + 50)
    await store.caches.drop(["a"])
    assert await store.caches.all() == []
