"""What is old, forgotten in small batches: each one transaction, its rows chosen inside it. Implements `ports.Past`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, delete, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.retention import Line, OldRun, Open, forgettable
from ci_bot.core.states import Status
from ci_bot.ports import BEGINNING, Forgotten, Place
from ci_bot.store.database import Database
from ci_bot.store.effects import PENDING as EFFECT_PENDING
from ci_bot.store.effects import effects_wait_for, is_memory
from ci_bot.store.inbox import PENDING
from ci_bot.store.schema import (
    artifacts,
    deliveries,
    effects,
    jobs,
    publications,
    repositories,
    runs,
    steps,
    subjects,
)

COMMITS: Final = 50  # looked at in one transaction
ROWS: Final = 500  # deleted in one transaction
FREE_PAGES: Final = 256  # given back to the file system in one transaction
_UNFINISHED: Final = [status for status in Status if not status.is_final]


class RetentionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_deliveries(self, before: float) -> int:
        """Decided ones and those set aside, at most `ROWS`; returns how many. Effects go with them, but not what is known of branches."""
        old = select(deliveries.c.id).where(
            deliveries.c.state != PENDING, deliveries.c.done_at < before
        )
        done = select(effects.c.id).where(
            effects.c.state != EFFECT_PENDING, effects.c.created_at < before, ~is_memory()
        )
        async with self._database.write() as connection:
            count = await _delete(connection, deliveries.c.id, old.order_by(deliveries.c.id))
            return count + await _delete(connection, effects.c.id, done.order_by(effects.c.id))

    async def forget_runs(self, before: float, after: Place = BEGINNING) -> Forgotten:
        jobs_gone: Sequence[str] = ()
        async with self._database.read() as connection:  # mostly nothing may go: then no writer waits
            places = await _old(connection, before, after)
            ids = [id for _, id in places]
            chosen = await _forgettable(connection, ids, before)
        if chosen:
            async with self._database.write() as connection:
                chosen = await _forgettable(connection, ids, before)
                jobs_gone = await _remove(connection, chosen)
        return Forgotten(len(chosen), tuple(jobs_gone), places[-1] if places else None)

    async def logs_wanted(self, job_ids: Collection[str]) -> Collection[str]:
        """Of these jobs those that are unfinished, or whose commit is not shown as it is."""
        wanted: set[str] = set()
        every = sorted(job_ids)
        for start in range(0, len(every), ROWS):
            some = every[start : start + ROWS]
            unshown = and_(
                subjects.c.repo == runs.c.repo,
                subjects.c.wanted > subjects.c.shown,
                or_(subjects.c.sha == runs.c.sha, subjects.c.pull == runs.c.pull),
            )
            query = (
                select(jobs.c.id)
                .join(runs, jobs.c.run_id == runs.c.id)
                .join(repositories, runs.c.repo == repositories.c.key)
                .outerjoin(subjects, unshown)
                .where(
                    jobs.c.id.in_(some),
                    or_(
                        jobs.c.status.in_(_UNFINISHED),
                        and_(subjects.c.id.is_not(None), ~repositories.c.gone),
                    ),
                )
            )
            async with self._database.read() as connection:
                wanted.update((await connection.execute(query)).scalars())
        return wanted

    async def give_back(self) -> int:
        """Gives free pages of SQLite's file back to the disk, a few at a time; returns how many that were."""
        if not self._database.is_sqlite:
            return 0  # PostgreSQL's autovacuum does it by itself
        count = 0
        while True:
            async with self._database.write() as connection:
                free = int((await connection.execute(text("PRAGMA freelist_count"))).scalar_one())
                if not free:
                    return count
                pages = min(free, FREE_PAGES)
                await _vacuum(connection, pages)
                left = int((await connection.execute(text("PRAGMA freelist_count"))).scalar_one())
            if left >= free:  # a file that was made without auto_vacuum
                return count
            count += free - left


async def _vacuum(connection: AsyncConnection, pages: int) -> None:
    """As a script, which alone goes on to the last page: each is a row without columns, and of a statement
    without columns Python takes the first row and no other.

    A script ends the transaction that we are in, which has written nothing yet, and this has one of its own.
    https://docs.python.org/3/library/sqlite3.html#sqlite3.Cursor.executescript
    """
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is not None:
        await driver.executescript(f"PRAGMA incremental_vacuum({pages})")


async def _delete(connection: AsyncConnection, column: Any, which: Any) -> int:
    chosen = (await connection.execute(which.limit(ROWS))).scalars().all()
    await connection.execute(delete(column.table).where(column.in_(chosen)))
    return len(chosen)


async def _old(connection: AsyncConnection, before: float, after: Place) -> Sequence[Place]:
    place = tuple_(runs.c.created_at, runs.c.id)
    query = (
        select(runs.c.created_at, runs.c.id)
        .where(runs.c.created_at < before, place > after)
        .order_by(runs.c.created_at, runs.c.id)
        .limit(COMMITS)
    )
    return [(row.created_at, row.id) for row in await connection.execute(query)]


async def _forgettable(
    connection: AsyncConnection, ids: Sequence[str], before: float
) -> frozenset[str]:
    """Of the commits of these runs, the runs that may go."""
    if not ids:
        return frozenset()
    commits = select(runs.c.repo, runs.c.sha).where(runs.c.id.in_(ids))
    ended = (
        select(
            jobs.c.run_id,
            func.max(jobs.c.finished_at).label("finished_at"),
            func.count(jobs.c.id).filter(jobs.c.status.in_(_UNFINISHED)).label("unfinished"),
        )
        .group_by(jobs.c.run_id)
        .subquery()
    )
    query = (
        select(runs, ended.c.finished_at, ended.c.unfinished)
        .outerjoin(ended, ended.c.run_id == runs.c.id)
        .where(tuple_(runs.c.repo, runs.c.sha).in_(commits))
    )
    rows = (await connection.execute(query)).all()
    found = [_old_run(row) for row in rows]
    return forgettable(found, await _open(connection, found), before)


def _old_run(row: Row[Any]) -> OldRun:
    return OldRun(
        id=row.id,
        key=row.key,
        repo=row.repo,
        kind=RunKind(row.kind),
        ref=row.ref,
        sha=row.sha,
        pull=row.pull,
        created_at=row.created_at,
        ended_at=None if row.unfinished else max(row.created_at, row.finished_at or 0.0),
        is_live=not row.superseded and row.over_at is None,
        is_held=row.verdict == Verdict.HELD,
    )


async def _open(connection: AsyncConnection, found: Sequence[OldRun]) -> Open:
    repos = sorted({run.repo for run in found})
    return Open(
        heads=await _heads(connection, found),
        unshown=await _unshown(connection, repos),
        awaited=await effects_wait_for(connection, repos),
    )


async def _heads(connection: AsyncConnection, found: Sequence[OldRun]) -> dict[Line, float]:
    heads: dict[Line, float] = {}
    for line in {run.line for run in found if run.line is not None}:
        repo, kind, where = line
        is_pull = kind is RunKind.PULL_REQUEST
        query = select(func.max(runs.c.created_at)).where(
            runs.c.repo == repo,
            runs.c.kind == kind,
            runs.c.pull == int(where) if is_pull else runs.c.ref == where,
            ~runs.c.superseded,
            runs.c.over_at.is_(None),
        )
        newest = (await connection.execute(query)).scalar_one()
        if newest is not None:
            heads[line] = newest
    return heads


async def _unshown(connection: AsyncConnection, repos: Sequence[str]) -> set[tuple[str, str]]:
    """Of a repository that is gone nothing will be shown any more."""
    query = (
        select(subjects.c.repo, subjects.c.sha, subjects.c.pull)
        .join(repositories, subjects.c.repo == repositories.c.key)
        .where(subjects.c.repo.in_(repos), subjects.c.wanted > subjects.c.shown, ~repositories.c.gone)
    )
    rows = (await connection.execute(query)).all()
    return {(row.repo, row.sha or f"#{row.pull}") for row in rows}


async def _remove(connection: AsyncConnection, chosen: Collection[str]) -> Sequence[str]:
    """The runs with all that is theirs alone; returns the ids of their jobs, whose logs go next."""
    theirs = select(jobs.c.id).where(jobs.c.run_id.in_(chosen))
    job_ids = (await connection.execute(theirs)).scalars().all()
    commits = (
        await connection.execute(
            select(runs.c.repo, runs.c.sha, runs.c.pull).where(runs.c.id.in_(chosen)).distinct()
        )
    ).all()
    await connection.execute(delete(steps).where(steps.c.job_id.in_(theirs)))
    await connection.execute(delete(artifacts).where(artifacts.c.job_id.in_(theirs)))
    await connection.execute(delete(jobs).where(jobs.c.run_id.in_(chosen)))
    await connection.execute(delete(runs).where(runs.c.id.in_(chosen)))
    for repo, sha, pull in commits:
        await _remove_subject(connection, subjects.c.repo == repo, subjects.c.sha == sha)
        if pull is not None and not await _has_runs(connection, repo, pull):
            await _remove_subject(connection, subjects.c.repo == repo, subjects.c.pull == pull)
    return job_ids


async def _has_runs(connection: AsyncConnection, repo: str, pull: int) -> bool:
    query = select(runs.c.id).where(runs.c.repo == repo, runs.c.pull == pull).limit(1)
    return (await connection.execute(query)).first() is not None


async def _remove_subject(connection: AsyncConnection, *where: Any) -> None:
    ids = (await connection.execute(select(subjects.c.id).where(*where))).scalars().all()
    await connection.execute(delete(publications).where(publications.c.subject.in_(ids)))
    await connection.execute(delete(subjects).where(subjects.c.id.in_(ids)))
