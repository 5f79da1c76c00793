"""Stored secrets as they are kept: encrypted, with their limits. Implements `ports.Secrets`, and what the CLI does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update

from ci_bot.core.events import Repo
from ci_bot.core.planned import SecretRef
from ci_bot.core.secret_rules import SecretLimits, StoredSecret
from ci_bot.store.database import Database
from ci_bot.store.rows import REPO_COLUMNS, load_runs, repo_of
from ci_bot.store.schema import repositories, runs, secrets

_LIMITS = TypeAdapter(SecretLimits)


class SecretStore:
    """Sees encrypted values alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def current(self, scopes: Sequence[str], names: Sequence[str]) -> Sequence[StoredSecret]:
        where = (secrets.c.scope.in_(scopes), secrets.c.name.in_(names), secrets.c.retired_at.is_(None))
        return await self._load(*where)

    async def every(self, scopes: Sequence[str], names: Sequence[str]) -> Sequence[StoredSecret]:
        return await self._load(secrets.c.scope.in_(scopes), secrets.c.name.in_(names))

    async def is_locked(self, repo_key: str) -> bool:
        query = select(repositories.c.locked).where(repositories.c.key == repo_key)
        async with self._database.read() as connection:
            return bool((await connection.execute(query)).scalar_one_or_none())

    # what people do with them

    async def listed(self, scope: str) -> Sequence[StoredSecret]:
        """Those of one scope that count now, by name."""
        return await self._load(secrets.c.scope == scope, secrets.c.retired_at.is_(None))

    async def in_use(self) -> Sequence[tuple[StoredSecret, str]]:
        """Every one that counts now, and where: the repository's name, or the scope where it has none."""
        query = select(repositories.c.key, repositories.c.name)
        async with self._database.read() as connection:
            names = {row.key: row.name for row in await connection.execute(query)}
        found = await self._load(secrets.c.retired_at.is_(None))
        return [(each, names.get(each.scope, each.scope)) for each in found]

    async def save(self, secret: StoredSecret) -> None:
        """Retires the one that had the name before."""
        async with self._database.write() as connection:
            await connection.execute(_retire(secret.scope, secret.name, secret.created_at))
            await connection.execute(
                insert(secrets).values(
                    id=secret.id,
                    scope=secret.scope,
                    name=secret.name,
                    key_id=secret.key_id,
                    value=secret.value,
                    limits=_LIMITS.dump_json(secret.limits).decode(),
                    created_at=secret.created_at,
                    created_by=secret.created_by,
                )
            )

    async def retire(self, scope: str, name: str, now: float) -> bool:
        """False if there is none of that name."""
        async with self._database.write() as connection:
            return (await connection.execute(_retire(scope, name, now))).rowcount > 0

    async def purge(self, before: float) -> int:
        """Forgets what was retired before a moment; returns how many that were."""
        old = secrets.c.retired_at < before
        async with self._database.write() as connection:
            return int((await connection.execute(delete(secrets).where(old))).rowcount)

    async def made_with_other_keys(self, key_id: str) -> Sequence[StoredSecret]:
        return await self._load(secrets.c.key_id != key_id)

    async def encrypt_again(self, id: str, old_key_id: str, key_id: str, value: bytes) -> None:
        """Changes a value that nobody changed meanwhile."""
        async with self._database.write() as connection:
            await connection.execute(
                update(secrets)
                .where(secrets.c.id == id, secrets.c.key_id == old_key_id)
                .values(key_id=key_id, value=value)
            )

    async def repos_named(self, name: str) -> Sequence[Repo]:
        """Repositories that ci-bot knows by "owner/name", or all of an owner by "owner/"."""
        lower, known = name.lower(), func.lower(repositories.c.name)  # the forge knows no case either
        wanted = known.startswith(lower, autoescape=True) if name.endswith("/") else known == lower
        query = select(*REPO_COLUMNS).where(wanted, ~repositories.c.gone)
        async with self._database.read() as connection:
            return [repo_of(row) for row in await connection.execute(query)]

    async def unlock(self, repo_key: str) -> bool:
        """False if it was not locked."""
        change = update(repositories).where(repositories.c.key == repo_key, repositories.c.locked)
        async with self._database.write() as connection:
            return (await connection.execute(change.values(locked=False))).rowcount > 0

    async def sealed_in_use(self) -> Sequence[tuple[str, str, SecretRef]]:
        """(repository, branch, secret) of sealed strings in the newest plan of each branch."""
        newest: dict[tuple[str, str], list[SecretRef]] = {}
        async with self._database.read() as connection:
            found = await load_runs(
                connection, or_(runs.c.plan.contains("ci-bot.1."), runs.c.plan.is_(None))
            )
        for run in found:
            steps = [step for job in (run.plan.jobs if run.plan else ()) for step in job.steps]
            newest[run.repo.name, run.ref] = [
                ref for step in steps for ref in step.secrets if ref.sealed
            ]
        return [
            (repo, ref, secret)
            for (repo, ref), found_refs in newest.items()
            for secret in dict.fromkeys(found_refs)
        ]

    async def _load(self, *where: ColumnElement[bool]) -> Sequence[StoredSecret]:
        query = select(secrets).where(*where).order_by(secrets.c.name, secrets.c.created_at)
        async with self._database.read() as connection:
            return [_secret(row) for row in (await connection.execute(query)).all()]


def _retire(scope: str, name: str, now: float) -> Any:
    return (
        update(secrets)
        .where(secrets.c.scope == scope, secrets.c.name == name, secrets.c.retired_at.is_(None))
        .values(retired_at=now)
    )


def _secret(row: Row[Any]) -> StoredSecret:
    return StoredSecret(
        id=row.id,
        scope=row.scope,
        name=row.name,
        key_id=row.key_id,
        value=row.value,
        limits=_LIMITS.validate_json(row.limits),
        created_at=row.created_at,
        created_by=row.created_by,
        retired_at=row.retired_at,
    )
