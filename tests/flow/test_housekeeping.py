"""Old things go, shelf by shelf, on the real store and real files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from ci_bot.core.decisions import Decision
from ci_bot.core.errors import StoreError
from ci_bot.core.extras import Extras
from ci_bot.core.model import LogRef, RunKind
from ci_bot.core.retention import DAY, FOR_EVER, Retention
from ci_bot.core.states import Change
from ci_bot.flow.housekeeping import Artifacts, Caches, Deliveries, FreePages, Housekeeper, Logs, Runs
from ci_bot.flow.meters import Meters
from ci_bot.ports import ArtifactRecord, Delivery, NewCache, PackLimits
from tests.make import SHA_A, SHA_B, creating, new_run
from tests.stores import Store

SHORT = Retention(deliveries=4, runs=10, logs=5, logs_total=FOR_EVER)


@pytest.fixture(autouse=True)
def _by_the_files_clock(store: Store) -> None:
    store.clock.time = time.time()


@pytest.fixture
def logs(tmp_path: Path) -> FileLogs:
    return FileLogs(tmp_path / "logs")


def housekeeper(store: Store, logs: FileLogs, keep: Retention, meters: Meters) -> Housekeeper:
    packs = FilePacks(logs.folder.parent / "artifacts")
    shelves = (
        Deliveries(store.past, keep, store.clock),
        Runs(store.past, logs, packs, keep, store.clock),
        Logs(store.past, logs, keep, store.clock),
        Artifacts(store.artifacts, packs, keep, store.clock),
        FreePages(store.past),
    )
    return Housekeeper(shelves, meters)


async def run_one(store: Store, logs: FileLogs, sha: str, tag: str) -> str:
    """A run of a tag that has passed, is shown, and wrote something; the id of its job."""
    await store.decisions.commit(creating(new_run(sha, kind=RunKind.TAG, ref=tag)), None)
    claim = await store.runs.claim("me/1", 30)
    assert claim is not None
    write(logs, claim.job.id, b"x" * 100)
    await store.runs.end_job(claim.lease, Change.SUCCEED, "")
    for subject in await store.publications.due(10):
        await store.publications.shown(subject.id, subject.wanted)
    return claim.job.id


def write(logs: FileLogs, job_id: str, data: bytes) -> None:
    writer = logs.open(LogRef(job_id, 0), ())
    writer.write(data)
    writer.close()


async def test_each_kind_goes_at_its_own_age(store: Store, logs: FileLogs) -> None:
    meters = Meters()
    keeper = housekeeper(store, logs, SHORT, meters)
    await store.inbox.put(Delivery("github", "d1", {}, b"x"))
    job = await run_one(store, logs, SHA_A, "v1")
    await store.decisions.commit(Decision("decided"), 1)
    store.clock.time += 6 * DAY
    await keeper.tidy()
    assert logs.kept() == []
    assert [run.sha for run in await store.runs.recent(9)] == [SHA_A]
    await keeper.tidy()
    store.clock.time += 20 * DAY
    write(logs, job, b"came back, as after a crash between rows and files")
    await keeper.tidy()
    assert await store.runs.recent(9) == []
    assert logs.kept() == []
    sample = meters.registry.get_sample_value
    assert sample("ci_bot_removed_total", {"what": "logs"}) == 1
    assert sample("ci_bot_removed_total", {"what": "runs"}) == 1


async def test_the_oldest_logs_go_above_the_total(store: Store, logs: FileLogs) -> None:
    keep = Retention(FOR_EVER, FOR_EVER, FOR_EVER, logs_total=250)
    jobs = [await run_one(store, logs, sha, tag) for sha, tag in ((SHA_A, "v1"), (SHA_B, "v2"))]
    await housekeeper(store, logs, keep, Meters()).tidy()
    assert {log.job_id for log in logs.kept()} == set(jobs)
    jobs.append(await run_one(store, logs, "d" * 40, "v3"))
    await housekeeper(store, logs, keep, Meters()).tidy()
    assert {log.job_id for log in logs.kept()} == set(jobs[1:])


async def test_the_log_of_a_running_job_stays_whatever_it_weighs(store: Store, logs: FileLogs) -> None:
    await store.decisions.commit(creating(new_run(SHA_A)), None)
    claim = await store.runs.claim("me/1", 30)
    assert claim is not None
    write(logs, claim.job.id, b"x" * 1000)
    keep = Retention(logs=1, logs_total=10)
    store.clock.time += 9 * DAY
    await housekeeper(store, logs, keep, Meters()).tidy()
    assert [log.job_id for log in logs.kept()] == [claim.job.id]


async def test_for_ever_is_for_ever(store: Store, logs: FileLogs) -> None:
    keep = Retention(FOR_EVER, FOR_EVER, FOR_EVER, FOR_EVER)
    await run_one(store, logs, SHA_A, "v1")
    store.clock.time += 10_000 * DAY
    await housekeeper(store, logs, keep, Meters()).tidy()
    assert len(await store.runs.recent(9)) == len(logs.kept()) == 1


async def test_a_broken_shelf_keeps_no_other_from_being_tidied() -> None:
    class Broken:
        name = "broken"

        async def tidy(self) -> int:
            raise StoreError("locked")

    class Fine:
        name = "fine"

        async def tidy(self) -> int:
            return 3

    meters = Meters()
    await Housekeeper((Broken(), Fine()), meters).tidy()
    assert meters.registry.get_sample_value("ci_bot_removed_total", {"what": "fine"}) == 3


async def test_artifacts_expire_and_what_a_crash_left_goes_a_day_later(
    store: Store, logs: FileLogs
) -> None:
    packs = FilePacks(logs.folder.parent / "artifacts")
    await store.decisions.commit(creating(new_run(SHA_A)), None)
    claim = await store.runs.claim("me/1", 30)
    assert claim is not None
    for id in (claim.job.id, "orphan"):
        with packs.begin(id, PackLimits(100, 1), links=False) as packing:
            packing.finish()
    record = ArtifactRecord(claim.job.id, (), 0, 0, store.clock.now() + 3 * DAY)
    await store.artifacts.note(claim.lease, Extras(), record)
    await store.runs.end_job(claim.lease, Change.SUCCEED, "")

    async def left(days: float) -> set[str]:
        store.clock.time += days * DAY
        await housekeeper(store, logs, Retention(), Meters()).tidy()
        return {pack.id for pack in packs.kept()}

    assert await left(0.5) == {claim.job.id, "orphan"}
    assert await left(1) == {claim.job.id}
    assert await left(2) == set()


async def test_the_longest_unused_caches_go(store: Store, logs: FileLogs) -> None:
    packs = FilePacks(logs.folder.parent / "caches")
    for id in ("a", "b", "c"):
        store.clock.time += 1
        with packs.begin(id, PackLimits(100, 1), links=True) as packing:
            packing.finish()
        assert await store.caches.add(NewCache(id, "r", "main", id, "s", 10, 0.0))
    store.clock.time += 1
    await store.caches.find("r", ("main",), "a", "s", ())
    await Caches(store.caches, packs, Retention(caches_total=20), store.clock).tidy()
    assert (
        {pack.id for pack in packs.kept()}
        == {cache.id for cache in await store.caches.all()}
        == {"a", "c"}
    )
    store.clock.time += 30 * DAY - 1
    assert await store.caches.find("r", ("main",), "c", "s", ())
    store.clock.time += 2
    await Caches(store.caches, packs, Retention(), store.clock).tidy()
    assert {pack.id for pack in packs.kept()} == {"c"}


async def test_the_oldest_artifacts_go_above_the_total_but_none_that_a_job_may_need(
    store: Store, logs: FileLogs
) -> None:
    packs = FilePacks(logs.folder.parent / "artifacts")
    keep = Retention(artifacts_total=20)

    async def run_with_artifacts(sha: str, tag: str, end: Change | None) -> str:
        await store.decisions.commit(creating(new_run(sha, kind=RunKind.TAG, ref=tag)), None)
        claim = await store.runs.claim("me/1", 30)
        assert claim is not None
        with packs.begin(claim.job.id, PackLimits(100, 1), links=False) as packing:
            packing.finish()
        record = ArtifactRecord(claim.job.id, (), 99, 10, store.clock.now() + 90 * DAY)
        await store.artifacts.note(claim.lease, Extras(), record)
        if end is not None:
            await store.runs.end_job(claim.lease, end, "")
        store.clock.time += 1
        return claim.job.id

    async def left() -> set[str]:
        await housekeeper(store, logs, keep, Meters()).tidy()
        return {pack.id for pack in packs.kept()}

    running = await run_with_artifacts(SHA_A, "v1", None)
    old = await run_with_artifacts(SHA_B, "v2", Change.SUCCEED)
    assert await left() == {running, old}
    new = await run_with_artifacts("d" * 40, "v3", Change.FAIL)
    assert await left() == {running, new}
    assert [record.job_id for record in await store.artifacts.of([old, new])] == [new]
