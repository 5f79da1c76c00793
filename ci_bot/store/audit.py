"""The record of who caused what: written, and read back newest first. Implements `ports.Audit`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import AuditLine
from ci_bot.core.events import Actor, Permission
from ci_bot.ports import Clock
from ci_bot.store.database import Database
from ci_bot.store.schema import audit


class AuditStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def write(self, lines: Sequence[AuditLine]) -> None:
        async with self._database.write() as connection:
            await write_audit(connection, lines, self._clock.now())

    async def newest(self, limit: int, repo_key: str = "") -> Sequence[tuple[float, AuditLine]]:
        """With the moment of writing, in seconds since the epoch; of one repository, or of all."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if repo_key:
            query = query.where(audit.c.repo == repo_key)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            (
                row.at,
                AuditLine(
                    action=row.action,
                    actor=Actor(row.actor_id, row.actor),
                    permission=Permission[row.permission.upper()],
                    repo_key=row.repo,
                    sha=row.sha,
                    run=row.run,
                    job=row.job,
                    step=row.step,
                    name=row.name,
                    detail=row.detail,
                ),
            )
            for row in rows
        ]


async def write_audit(connection: AsyncConnection, lines: Sequence[AuditLine], now: float) -> None:
    if not lines:
        return
    rows = [
        {
            "at": now,
            "action": line.action,
            "actor_id": line.actor.id,
            "actor": line.actor.login,
            "permission": line.permission.name.lower(),
            "repo": line.repo_key,
            "sha": line.sha,
            "run": line.run,
            "job": line.job,
            "step": line.step,
            "name": line.name,
            "detail": line.detail,
        }
        for line in lines
    ]
    await connection.execute(insert(audit), rows)
