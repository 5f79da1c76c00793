"""Old runs are removed with all that is theirs, and nothing that somebody still needs."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from ci_bot.core.convergence import Published
from ci_bot.core.decisions import Cancel, Decision, NewRun, Withdraw
from ci_bot.core.effects import ReactAfter
from ci_bot.core.gate import gate
from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.retention import DAY
from ci_bot.core.states import Change
from ci_bot.core.trust import Ruling
from ci_bot.ports import BEGINNING, Delivery, Place
from ci_bot.store import RetentionStore
from ci_bot.store.database import Database
from ci_bot.store.retention import FREE_PAGES
from ci_bot.store.schema import (
    audit,
    deliveries,
    effects,
    jobs,
    publications,
    runs,
    steps,
    subjects,
)
from tests.make import REPO, SHA_A, SHA_B, SHA_C, creating, new_run
from tests.store.conftest import Store
from tests.stores import put_empty_database


def of_pull(sha: str, number: int = 3) -> NewRun:
    return new_run(sha, RunKind.PULL_REQUEST, f"pull/{number}:main", pull=number)


async def run_through(store: Store, *new: NewRun) -> None:
    """Runs that have passed and are shown."""
    await store.decisions.commit(creating(*new), None)
    while (claim := await store.runs.claim("me/1", 30)) is not None:
        await store.runs.end_job(claim.lease, Change.SUCCEED, "")
    await show(store)


async def show(store: Store) -> None:
    for subject in await store.publications.due(100):
        await store.publications.shown(subject.id, subject.wanted)


async def forget(store: Store, days: float = 30) -> list[str]:
    """Sweeps to the end; returns the ids of the jobs that went."""
    gone: list[str] = []
    place: Place | None = BEGINNING
    while place is not None:
        batch = await store.past.forget_runs(store.clock.now() - days * DAY, place)
        gone += batch.jobs
        place = batch.place
    return gone


async def shas(store: Store) -> set[str]:
    return {run.sha for run in await store.runs.recent(1000)}


async def count(store: Store, *tables: object) -> list[int]:
    async with store.database.read() as connection:
        return [
            int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]
            for table in tables
        ]


async def test_an_old_commit_goes_with_jobs_steps_and_reports(store: Store) -> None:
    await run_through(store, new_run(SHA_A, ref="topic"))
    async with store.database.read() as connection:
        subject = (await connection.execute(select(subjects.c.id))).scalar_one()
    await store.publications.save(subject, Published("ci-bot", handle="1", sent=True))
    store.clock.time += 40 * DAY
    await run_through(store, new_run(SHA_B, ref="topic"))
    assert len(await forget(store)) == 1
    assert await shas(store) == {SHA_B}
    assert await count(store, jobs, steps, subjects, publications) == [1, 1, 1, 0]


async def test_the_head_of_a_branch_stays_however_old(store: Store) -> None:
    await run_through(store, new_run(SHA_A, ref="topic"))
    store.clock.time += 4000 * DAY
    assert await forget(store) == []


async def test_a_closed_pull_request_goes_and_an_open_one_stays(store: Store) -> None:
    await run_through(store, of_pull(SHA_A), of_pull(SHA_B, 4))
    closed = Withdraw(REPO.key, "closed", superseded=False, kind=RunKind.PULL_REQUEST, pull=3)
    await store.decisions.commit(Decision("closed", withdraw=(closed,)), None)
    await show(store)
    store.clock.time += 40 * DAY
    await forget(store)
    assert await shas(store) == {SHA_B}


async def test_a_pull_request_that_was_opened_again_stays(store: Store) -> None:
    await run_through(store, of_pull(SHA_A))
    closed = Withdraw(REPO.key, "closed", superseded=False, kind=RunKind.PULL_REQUEST, pull=3)
    await store.decisions.commit(Decision("closed", withdraw=(closed,)), None)
    await run_through(store, of_pull(SHA_A))
    store.clock.time += 40 * DAY
    assert await forget(store) == []


async def test_what_runs_or_waits_to_be_approved_stays(store: Store) -> None:
    await run_through(
        store,
        new_run(SHA_A, kind=RunKind.TAG, ref="v1"),
        new_run(SHA_B, verdict=Verdict.HELD, ruling=Ruling.WAIT, plan=None),
    )
    await store.decisions.commit(creating(new_run(SHA_C, kind=RunKind.TAG, ref="v2")), None)
    await store.runs.claim("me/1", 30)
    await show(store)
    store.clock.time += 40 * DAY
    await forget(store)
    assert await shas(store) == {SHA_B, SHA_C}


async def test_what_the_forge_does_not_show_yet_stays(store: Store) -> None:
    await run_through(store, new_run(SHA_A, kind=RunKind.TAG, ref="v1"))
    (run,) = await store.runs.recent(1)
    await store.decisions.commit(Decision("again", cancel=(Cancel((run.id,), "asked"),)), None)
    store.clock.time += 40 * DAY
    assert await forget(store) == []
    await show(store)
    assert len(await forget(store)) == 1


async def test_what_an_effect_waits_for_stays(store: Store) -> None:
    new = new_run(SHA_A, kind=RunKind.TAG, ref="v1")
    await run_through(store, new)
    waiting = ReactAfter(REPO, 9, (new.key,))
    await store.decisions.commit(Decision("asked", effects=(waiting,)), None)
    store.clock.time += 40 * DAY
    assert await forget(store) == []
    (effect,) = await store.effects.due(1)
    await store.effects.done(effect.id)
    assert len(await forget(store)) == 1


async def test_the_gates_of_what_stays_say_what_they_said(store: Store) -> None:
    await run_through(
        store,
        new_run(SHA_A, ref="topic"),
        of_pull(SHA_A),
        new_run(SHA_B, ref="topic"),
        new_run(SHA_C, ref="other"),
    )
    store.clock.time += 40 * DAY
    before = {sha: gate(await store.decisions.runs_of_head(REPO.key, sha)) for sha in (SHA_A, SHA_C)}
    await forget(store)
    after = {sha: gate(await store.decisions.runs_of_head(REPO.key, sha)) for sha in (SHA_A, SHA_C)}
    assert before == after


async def test_a_commit_that_comes_back_is_a_new_run(store: Store) -> None:
    await run_through(store, new_run(SHA_A, ref="topic"), new_run(SHA_B, ref="topic"))
    store.clock.time += 40 * DAY
    await forget(store)
    await run_through(store, new_run(SHA_A, ref="topic"))
    (run,) = [run for run in await store.runs.recent(10) if run.sha == SHA_A]
    assert [job.attempt for job in run.jobs] == [1]


async def test_the_audit_is_never_forgotten(store: Store) -> None:
    await run_through(store, new_run(SHA_A, kind=RunKind.TAG, ref="v1"))
    async with store.database.write() as connection:
        await connection.execute(
            insert(audit).values(
                at=0, action="approve", actor_id=1, actor="a", permission="write", repo=REPO.key
            )
        )
    store.clock.time += 4000 * DAY
    await forget(store)
    while await store.past.forget_deliveries(store.clock.now()):
        pass
    assert await count(store, runs, audit) == [0, 1]


async def test_decided_deliveries_go_and_waiting_ones_stay(store: Store) -> None:
    for name in ("d1", "d2", "d3"):
        await store.inbox.put(Delivery("github", name, {}, name.encode()))
    first, second, _ = await store.inbox.pending(10)
    await store.decisions.commit(Decision("nothing"), first.id)
    await store.inbox.fail(second.id, "a bug", None)
    store.clock.time += 40 * DAY
    assert await store.past.forget_deliveries(store.clock.now() - 50 * DAY) == 0
    assert await store.past.forget_deliveries(store.clock.now() - 30 * DAY) == 2
    assert [each.delivery.delivery_id for each in await store.inbox.pending(10)] == ["d3"]
    assert await count(store, effects, deliveries) == [0, 1]


async def test_logs_of_running_and_unshown_jobs_are_wanted(store: Store) -> None:
    await run_through(store, new_run(SHA_A, ref="topic"))
    await store.decisions.commit(creating(new_run(SHA_B, ref="other")), None)
    running = await store.runs.claim("me/1", 30)
    assert running is not None
    every = [job.id for run in await store.runs.recent(10) for job in run.jobs]
    await show(store)
    assert await store.past.logs_wanted([*every, "unknown"]) == {running.job.id}
    await store.runs.end_job(running.lease, Change.FAIL, "exit code 1")
    assert await store.past.logs_wanted(every) == {running.job.id}
    await show(store)
    assert await store.past.logs_wanted(every) == set()


async def test_other_writers_come_between_the_batches(store: Store) -> None:
    new = [new_run(f"{number:040x}", kind=RunKind.TAG, ref=f"v{number}") for number in range(60)]
    await run_through(store, *new)
    while await store.publications.due(100):
        await show(store)
    store.clock.time += 40 * DAY
    first = await store.past.forget_runs(store.clock.now(), BEGINNING)
    assert first.runs == 50
    sweep = asyncio.create_task(forget(store))
    await asyncio.wait_for(store.inbox.put(Delivery("github", "d", {}, b"x")), 10)
    assert len(await sweep) == 10


async def test_sqlite_gives_the_space_back(tmp_path: Path) -> None:
    path = tmp_path / "ci-bot.db"
    await put_empty_database(path)
    writes: list[str] = []
    url = f"sqlite+aiosqlite:///{path}"
    database = await Database.open(url, written=lambda: writes.append("a transaction"))
    await fill_and_empty(database)
    full = await size_of(database)
    writes.clear()
    given = await RetentionStore(database).give_back()
    assert given > 2 * FREE_PAGES
    assert len(writes) <= given // FREE_PAGES + 2  # the last one finds nothing
    assert await size_of(database) < full / 2
    await database.close()


async def fill_and_empty(database: Database) -> None:
    rows = [
        {
            "forge": "github", "delivery_id": str(number), "body_sha256": "", "headers": "{}",
            "body": b"x" * 20_000, "turn": "", "received_at": 0, "state": "done", "tries": 0,
            "due_at": 0, "reason": "", "done_at": 0,
        }
        for number in range(200)
    ]  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(deliveries), rows)
    assert await RetentionStore(database).forget_deliveries(1.0) == 200


async def size_of(database: Database) -> int:
    async with database.read() as connection:
        pages = await connection.exec_driver_sql("PRAGMA page_count")
        return int(pages.scalar_one())


@pytest.mark.parametrize("mode", [0, 1])
async def test_a_file_of_an_older_version_learns_to_shrink(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ci-bot.db"
    await put_empty_database(path)
    with closing(sqlite3.connect(path)) as older:
        for pragma in ("journal_mode = DELETE", f"auto_vacuum = {mode}"):  # WAL keeps the vacuum's
            older.execute(f"PRAGMA {pragma}")
        older.execute("VACUUM")
        assert older.execute("PRAGMA auto_vacuum").fetchone() == (mode,)
    database = await Database.open(f"sqlite+aiosqlite:///{path}")
    await fill_and_empty(database)
    assert await RetentionStore(database).give_back() > 100
    await database.close()
