"""Caches of repositories: which there are, and which was used when. Implements `ports.Caches`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.caching import StoredCache
from ci_bot.ports import Clock, FoundCache, NewCache
from ci_bot.store.database import Database
from ci_bot.store.schema import caches


class CacheStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(
        self, repo: str, branches: Sequence[str], key: str, shape: str, fallback: Sequence[str]
    ) -> FoundCache | None:
        async with self._database.write() as connection:
            row = await _nearest(connection, repo, branches, shape, caches.c.key == key)
            for beginning in fallback:
                if row is None:
                    begins = caches.c.key.startswith(beginning, autoescape=True)
                    row = await _nearest(connection, repo, branches, shape, begins)
            if row is None:
                return None
            used = update(caches).where(caches.c.id == row.id).values(used_at=self._clock.now())
            await connection.execute(used)
        return FoundCache(row.id, row.key, row.worth)

    async def add(self, cache: NewCache) -> bool:
        now = self._clock.now()
        same = select(caches.c.id).where(
            caches.c.repo == cache.repo,
            caches.c.branch == cache.branch,
            caches.c.key == cache.key,
            caches.c.shape == cache.shape,
        )
        async with self._database.write() as connection:
            if (await connection.execute(same)).first() is not None:
                return False
            await connection.execute(
                insert(caches).values(
                    id=cache.id,
                    repo=cache.repo,
                    branch=cache.branch,
                    key=cache.key,
                    shape=cache.shape,
                    size=cache.size,
                    worth=cache.worth,
                    made_at=now,
                    used_at=now,
                )
            )
        return True

    async def all(self) -> Sequence[StoredCache]:
        query = select(caches.c.id, caches.c.size, caches.c.used_at)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [StoredCache(row.id, row.size, row.used_at) for row in rows]

    async def drop(self, ids: Collection[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(caches).where(caches.c.id.in_(ids)))


async def _nearest(
    connection: AsyncConnection, repo: str, branches: Sequence[str], shape: str, matches: Any
) -> Row[Any] | None:
    for branch in branches:
        query = (
            select(caches)
            .where(caches.c.repo == repo, caches.c.branch == branch, caches.c.shape == shape, matches)
            .order_by(caches.c.made_at.desc(), caches.c.id.desc())
            .limit(1)
        )
        row = (await connection.execute(query)).one_or_none()
        if row is not None:
            return row
    return None
