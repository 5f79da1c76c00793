"""What ci-bot serves. Implements `ports.Repositories`; decisions write it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from ci_bot.core.reconciling import KnownRepo
from ci_bot.store.database import Database
from ci_bot.store.rows import REPO_COLUMNS, repo_of
from ci_bot.store.schema import repositories


class RepositoryStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def served(self) -> Sequence[KnownRepo]:
        query = (
            select(*REPO_COLUMNS, repositories.c.first_seen, repositories.c.schedules_sha)
            .where(~repositories.c.gone)
            .order_by(repositories.c.first_seen, repositories.c.key)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [KnownRepo(repo_of(row), row.first_seen, row.schedules_sha) for row in rows]
