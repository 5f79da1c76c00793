"""What should be shown on the forge and what is known to be there. Implements `ports.Publications`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

import structlog
from sqlalchemy import Executable, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.convergence import Published
from ci_bot.core.errors import UnreadableRun
from ci_bot.core.states import Status
from ci_bot.ports import Clock, Subject
from ci_bot.store.database import Database
from ci_bot.store.rows import REPO_COLUMNS, load_runs_of_commit, load_runs_of_pull, repo_of
from ci_bot.store.schema import jobs, publications, repositories, subjects
from ci_bot.store.subjects import mark_run

_log = structlog.get_logger()
UNREADABLE_SECONDS = 3600.0


# Statements that are made once: to make one takes longer than to run it.
_DUE: Final = (
    select(subjects, *REPO_COLUMNS)
    .join(repositories, subjects.c.repo == repositories.c.key)
    .where(
        subjects.c.wanted > subjects.c.shown,
        subjects.c.due_at <= bindparam("now"),
        ~repositories.c.gone,
        subjects.c.id.not_in(bindparam("but", expanding=True)),
    )
    .order_by(subjects.c.due_at)
    .limit(bindparam("at_most"))
)
_KNOWN: Final = select(publications).where(publications.c.subject == bindparam("of"))
_SHOWN: Final = (
    update(subjects)
    .where(subjects.c.id == bindparam("of"))
    .values(shown=bindparam("version"), tries=0, reason="")
)


def _save(insert: sqlite.Insert | postgresql.Insert) -> Executable:
    sent = {field.name: insert.excluded[field.name] for field in fields(Published)}
    return insert.on_conflict_do_update(index_elements=["subject", "name"], set_=sent)


_SAVE: Final = {
    dialect.dialect.name: _save(dialect.insert(publications)) for dialect in (sqlite, postgresql)
}


class PublicationStore:
    """Versions instead of a queue: however often the truth changes, one publishing catches up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def due(self, limit: int, but: Collection[int] = ()) -> Sequence[Subject]:
        values = {"now": self._clock.now(), "but": tuple(but), "at_most": limit}
        async with self._database.read() as connection:
            rows = (await connection.execute(_DUE, values)).all()
            found = [await _subject(connection, row) for row in rows]
        for row, subject in zip(rows, found, strict=True):
            if isinstance(subject, UnreadableRun):
                await self._set_aside(row.id, subject)
        return [subject for subject in found if isinstance(subject, Subject)]

    async def _set_aside(self, subject: int, error: UnreadableRun) -> None:
        """What cannot be read cannot be shown, and must not keep the others from it."""
        _log.error("subject set aside", error=str(error))
        later = self._clock.now() + UNREADABLE_SECONDS
        async with self._database.write() as connection:
            await connection.execute(
                update(subjects).where(subjects.c.id == subject).values(due_at=later, reason=str(error))
            )

    async def known(self, subject: int) -> Mapping[str, Published]:
        async with self._database.read() as connection:
            rows = (await connection.execute(_KNOWN, {"of": subject})).all()
        return {
            row.name: Published(
                row.name, row.generation, row.handle, row.sent, row.accepted, row.is_final
            )
            for row in rows
        }

    async def save(self, subject: int, published: Published) -> None:
        values = {"subject": subject, **asdict(published)}
        async with self._database.write() as connection:
            await connection.execute(_SAVE[connection.dialect.name], values)

    async def doubt(self) -> int:
        """After an older state was brought back: what is not final is looked up on the forge before it is updated.

        Returns how many checks and comments that are.
        """
        doubted = update(publications).where(~publications.c.is_final).values(sent=True, accepted="")
        async with self._database.write() as connection:
            return int((await connection.execute(doubted)).rowcount)

    async def show_waiting(self) -> None:
        ready = select(jobs.c.run_id).where(jobs.c.status == Status.READY).distinct()
        async with self._database.write() as connection:
            for run_id in (await connection.execute(ready)).scalars().all():
                await mark_run(connection, run_id, self._clock.now())

    async def shown(self, subject: int, version: int) -> None:
        async with self._database.write() as connection:
            await connection.execute(_SHOWN, {"of": subject, "version": version})

    async def postpone(self, subject: Subject, until: float, error: str) -> None:
        change = update(subjects).where(subjects.c.id == subject.id)
        if error:
            change = change.values(due_at=until, tries=subjects.c.tries + 1, reason=error)
        else:
            change = change.where(subjects.c.wanted == subject.wanted).values(due_at=until)
        async with self._database.write() as connection:
            await connection.execute(change)


async def _subject(connection: AsyncConnection, row: Row[Any]) -> Subject | UnreadableRun:
    try:
        if row.sha:
            its_runs = await load_runs_of_commit(connection, row.repo, row.sha)
        else:
            its_runs = await load_runs_of_pull(connection, row.repo, row.pull)
    except UnreadableRun as error:
        return error
    return Subject(
        id=row.id,
        repo=repo_of(row),
        sha=row.sha,
        pull=row.pull or None,
        wanted=row.wanted,
        tries=row.tries,
        runs=tuple(its_runs),
    )
