"""How much of everything waits, by queries that indexes answer. Implements `ports.Stocktaking`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.states import Status
from ci_bot.ports import Clock, Stock
from ci_bot.store.database import Database
from ci_bot.store.effects import PENDING as EFFECT_PENDING
from ci_bot.store.inbox import PENDING, SET_ASIDE
from ci_bot.store.schema import deliveries, effects, jobs, repositories, subjects

_UNFINISHED = [status for status in Status if not status.is_final]


class StockStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def stock(self) -> Stock:
        async with self._database.read() as connection:
            oldest = await connection.execute(
                select(func.min(jobs.c.created_at)).where(jobs.c.status == Status.READY)
            )
            since = oldest.scalar_one()
            return Stock(
                jobs=await _jobs(connection),
                longest_ready=0.0 if since is None else max(0.0, self._clock.now() - since),
                deliveries=await _count(connection, deliveries, deliveries.c.state == PENDING),
                set_aside=await _count(connection, deliveries, deliveries.c.state == SET_ASIDE),
                publications=await _publications(connection),
                effects=await _count(connection, effects, effects.c.state == EFFECT_PENDING),
            )


async def _jobs(connection: AsyncConnection) -> dict[str, int]:
    query = (
        select(jobs.c.status, func.count())
        .where(jobs.c.status.in_(_UNFINISHED))
        .group_by(jobs.c.status)
    )
    found = {str(row[0]): int(row[1]) for row in await connection.execute(query)}
    return {status.value: found.get(status.value, 0) for status in _UNFINISHED}


async def _publications(connection: AsyncConnection) -> int:
    query = (
        select(func.count())
        .select_from(subjects.join(repositories, subjects.c.repo == repositories.c.key))
        .where(subjects.c.wanted > subjects.c.shown, ~repositories.c.gone)
    )
    return int((await connection.execute(query)).scalar_one())


async def _count(connection: AsyncConnection, table: Any, where: Any) -> int:
    query: Select[Any] = select(func.count()).select_from(table).where(where)
    return int((await connection.execute(query)).scalar_one())
