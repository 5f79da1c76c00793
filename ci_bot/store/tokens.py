"""Tokens of the API, by their hashes. Implements `ports.Tokens`, and what the operator does with them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import AuditLine
from ci_bot.core.tokens import ApiToken, TokenScope, refusal_of_name
from ci_bot.ports import Clock
from ci_bot.store.audit import write_audit
from ci_bot.store.database import Database
from ci_bot.store.schema import repositories, tokens


class TokenStore:
    """What is made and revoked is in the audit in the same transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def by_hash(self, sha256: str) -> ApiToken | None:
        return await self._one(tokens.c.sha256 == sha256)

    async def by_id(self, id: str) -> ApiToken | None:
        return await self._one(tokens.c.id == id)

    async def used(self, token: ApiToken) -> None:
        change = update(tokens).where(tokens.c.id == token.id).values(used_at=self._clock.now())
        async with self._database.write() as connection:
            await connection.execute(change)

    # what the operator does with them

    async def create(self, token: ApiToken, audit: Sequence[AuditLine]) -> str:
        """ "", or why it cannot be made."""
        async with self._database.write() as connection:
            live = select(tokens.c.name).where(tokens.c.revoked_at.is_(None))
            taken = {row.name for row in await connection.execute(live)}
            if refusal := refusal_of_name(token.name, taken):
                return refusal
            await connection.execute(insert(tokens).values(**_columns(token)))
            await write_audit(connection, audit, self._clock.now())
        return ""

    async def revoke(self, id: str, audit: Sequence[AuditLine]) -> None:
        now = self._clock.now()
        change = update(tokens).where(tokens.c.id == id, tokens.c.revoked_at.is_(None))
        async with self._database.write() as connection:
            if (await connection.execute(change.values(revoked_at=now))).rowcount:
                await write_audit(connection, audit, now)

    async def listed(self) -> Sequence[ApiToken]:
        """Those that are not revoked, by name; also expired ones. `repos` are as they were given."""
        query = select(tokens).where(tokens.c.revoked_at.is_(None)).order_by(tokens.c.name)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [_token(row, json.loads(row.repos)) for row in rows]

    async def repo_names(self, keys: Collection[str]) -> dict[str, str]:
        """Key → "owner/name" of those that ci-bot knows."""
        query = select(repositories.c.key, repositories.c.name).where(repositories.c.key.in_(keys))
        async with self._database.read() as connection:
            return {row.key: row.name for row in await connection.execute(query)}

    async def _one(self, where: ColumnElement[bool]) -> ApiToken | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(tokens).where(where))).one_or_none()
            return None if row is None else _token(row, await _served(connection, row))


async def _served(connection: AsyncConnection, row: Row[Any]) -> list[str]:
    """As they were given, without those that were transferred: their new owner did not ask for this token."""
    given: list[str] = json.loads(row.repos)
    query = select(repositories.c.key).where(
        repositories.c.key.in_(given), ~repositories.c.gone, ~repositories.c.locked
    )
    served = {found.key for found in await connection.execute(query)}
    return [key for key in given if key in served]


def _token(row: Row[Any], repos: Sequence[str]) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        sha256=row.sha256,
        scope=TokenScope(row.scope),
        repos=tuple(repos),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )


def _columns(token: ApiToken) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "sha256": token.sha256,
        "scope": token.scope,
        "repos": json.dumps(token.repos),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
    }
