"""Schedules: written with decisions, moved on with their ticks. Implements `ports.Schedules`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import SetSchedules, TickTaken
from ci_bot.core.events import Actor
from ci_bot.core.planned import Schedule
from ci_bot.core.scheduling import (
    LOCKED,
    Timed,
    due_after,
    letter_id,
    schedule_id,
    tick_of,
    to_letter,
)
from ci_bot.ports import TICKS, Clock, Delivery
from ci_bot.store.database import Database
from ci_bot.store.inbox import put_delivery
from ci_bot.store.rows import REPO_COLUMNS, repo_of
from ci_bot.store.schema import repositories, runs, schedules

AT_ONCE: Final = 100  # schedules that are moved on in one transaction

_ACTOR: Final = TypeAdapter(Actor)
_QUERY: Final = (
    select(schedules, repositories.c.locked, runs.c.id.label("run_id"), *REPO_COLUMNS)
    .join(repositories, schedules.c.repo == repositories.c.key)
    .outerjoin(runs, schedules.c.run == runs.c.key)
)


class ScheduleStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take_due(self, up_since: float) -> int:
        """The tick and the next moment are written together, so neither is without the other."""
        now, count = self._clock.now(), 0
        due = (schedules.c.due_at <= now, ~repositories.c.gone)
        query = _QUERY.where(*due).order_by(schedules.c.due_at).limit(AT_ONCE)
        async with self._database.read() as connection:  # mostly none is due: then no writer waits
            if (await connection.execute(query.limit(1))).first() is None:
                return 0
        async with self._database.write() as connection:
            for row in (await connection.execute(query)).all():
                count += await _take(connection, row, now, up_since)
        return count

    async def schedule(self, id: str) -> Timed | None:
        async with self._database.read() as connection:
            row = (await connection.execute(_QUERY.where(schedules.c.id == id))).first()
        return _timed(row) if row is not None else None

    async def listed(self, repo_key: str | None = None) -> Sequence[Timed]:
        query = _QUERY.where(~repositories.c.gone)
        if repo_key is not None:
            query = query.where(schedules.c.repo == repo_key)
        query = query.order_by(repositories.c.name, schedules.c.due_at, schedules.c.id)
        async with self._database.read() as connection:
            return [_timed(row) for row in (await connection.execute(query)).all()]


async def set_schedules(connection: AsyncConnection, new: SetSchedules, now: float) -> None:
    """What the file does not say any more is forgotten; what it still says keeps its next moment."""
    repo = update(repositories).where(repositories.c.key == new.repo_key)
    await connection.execute(repo.values(schedules_sha=new.sha))
    if new.default_branch:
        unknown = repositories.c.default_branch == ""
        await connection.execute(repo.where(unknown).values(default_branch=new.default_branch))
    theirs = schedules.c.repo == new.repo_key
    if new.schedules is None:
        await connection.execute(update(schedules).where(theirs).values(paused=new.paused))
        return
    ids = {schedule_id(new.repo_key, each): each for each in new.schedules}
    await connection.execute(delete(schedules).where(theirs, schedules.c.id.not_in(list(ids))))
    for id, schedule in ids.items():
        await _put(connection, id, schedule, new, now)


async def note_tick(connection: AsyncConnection, taken: TickTaken) -> None:
    change = update(schedules).where(schedules.c.id == taken.schedule)
    values = {"last_due": taken.due_at, "outcome": taken.outcome, "run": taken.run}
    await connection.execute(change.values(**values))


async def forget_schedules(connection: AsyncConnection, repo_keys: Sequence[str]) -> None:
    """Of repositories that are not served any more; what comes back is looked at anew."""
    await connection.execute(delete(schedules).where(schedules.c.repo.in_(repo_keys)))
    await connection.execute(
        update(repositories).where(repositories.c.key.in_(repo_keys)).values(schedules_sha="")
    )


async def _put(
    connection: AsyncConnection, id: str, schedule: Schedule, new: SetSchedules, now: float
) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    facts = {
        "line": schedule.line,
        "sha": new.sha,
        "actor": _ACTOR.dump_json(new.actor).decode(),
        "paused": "",
    }
    insert = dialect.insert(schedules).values(
        id=id,
        repo=new.repo_key,
        cron=schedule.cron,
        branch=schedule.branch,
        due_at=due_after(schedule.cron, now),
        outcome="",
        run="",
        created_at=now,
        **facts,
    )
    await connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=facts))


async def _take(connection: AsyncConnection, row: Row[Any], now: float, up_since: float) -> bool:
    """Whether a tick was put into the inbox: while a repository is locked its moments pass."""
    timed = _timed(row)
    tick = tick_of(timed, now, up_since)
    change = update(schedules).where(schedules.c.id == timed.id)
    values: dict[str, object] = {"due_at": due_after(timed.cron, now)}
    if row.locked:
        values |= {"last_due": tick.due_at, "outcome": LOCKED, "run": ""}
    await connection.execute(change.values(**values))
    if row.locked:
        return False
    letter = Delivery(TICKS, letter_id(tick), {}, to_letter(tick), timed.repo.key)
    return await put_delivery(connection, letter, now)


def _timed(row: Row[Any]) -> Timed:
    return Timed(
        id=row.id,
        repo=repo_of(row),
        cron=row.cron,
        branch=row.branch,
        line=row.line,
        sha=row.sha,
        actor=_ACTOR.validate_json(row.actor),
        due_at=row.due_at,
        last_due=row.last_due,
        outcome=row.outcome,
        run=row.run_id or "",
        paused=LOCKED if row.locked else row.paused,
    )
