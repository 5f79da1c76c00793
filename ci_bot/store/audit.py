"""The record of who caused what: written, and read back newest first. Implements `ports.Audit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import AuditLine
from ci_bot.core.events import Actor, Permission
from ci_bot.ports import AuditFilter, Clock
from ci_bot.store.database import Database
from ci_bot.store.schema import audit, runs

EVERYTHING: Final = AuditFilter()


class AuditStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def write(self, lines: Sequence[AuditLine]) -> None:
        async with self._database.write() as connection:
            await write_audit(connection, lines, self._clock.now())

    async def newest(
        self, limit: int, wanted: AuditFilter = EVERYTHING
    ) -> Sequence[tuple[float, AuditLine]]:
        """With the moment of writing, in seconds since the epoch."""
        query = select(audit).where(*_chosen(wanted)).order_by(audit.c.id.desc()).limit(limit)
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


def _chosen(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.repo:
        where.append(audit.c.repo == wanted.repo)
    if wanted.actor:
        where.append(func.lower(audit.c.actor) == wanted.actor.lower())
    if wanted.action:
        is_first_word = audit.c.action.startswith(f"{wanted.action} ", autoescape=True)
        where.append(or_(audit.c.action == wanted.action, is_first_word))
    if wanted.since:
        where.append(audit.c.at >= wanted.since)
    if wanted.run:
        where.append(_concerns(wanted.run))
    return where


def _concerns(run_id: str) -> ColumnElement[bool]:
    """People command commits: an approval and a retry name no run, and are about it all the same."""
    its_commit = select(runs.c.id).where(
        runs.c.id == run_id, runs.c.repo == audit.c.repo, runs.c.sha == audit.c.sha
    )
    return or_(audit.c.run == run_id, and_(audit.c.run == "", its_commit.exists()))


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
