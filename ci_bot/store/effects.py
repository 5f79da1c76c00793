"""Effects: stored with a decision, given out until they are done. Implements `ports.Effects`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Update, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.effects import Effect, React, ReactAfter, Reaction, Reply, Tell, Turned
from ci_bot.core.model import Run
from ci_bot.ports import Clock, StoredEffect
from ci_bot.store.database import Database
from ci_bot.store.rows import load_runs
from ci_bot.store.schema import effects, repositories, runs

PENDING, DONE, GIVEN_UP = "pending", "done", "given_up"

_KINDS: Final[Mapping[str, TypeAdapter[Any]]] = {
    kind.__name__: TypeAdapter(kind) for kind in (React, ReactAfter, Reply, Turned, Tell)
}


#: Made once: to make a statement takes longer than to run it.
_DUE: Final = (
    select(effects)
    .join(repositories, effects.c.repo == repositories.c.key)
    .where(
        effects.c.state == PENDING,
        effects.c.due_at <= bindparam("now"),
        ~repositories.c.gone,
    )
    .order_by(effects.c.due_at, effects.c.id)
    .limit(bindparam("at_most"))
)


class EffectStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def due(self, limit: int) -> Sequence[StoredEffect]:
        values = {"now": self._clock.now(), "at_most": limit}
        async with self._database.read() as connection:
            rows = (await connection.execute(_DUE, values)).all()
        return [StoredEffect(row.id, _read(row.effect), row.tries) for row in rows]

    async def runs(self, keys: Sequence[str]) -> Sequence[Run]:
        async with self._database.read() as connection:
            return await load_runs(connection, runs.c.key.in_(keys))

    async def done(self, id: int, then: Sequence[Effect] = ()) -> None:
        async with self._database.write() as connection:
            await connection.execute(_changed(id, {"state": DONE, "reason": ""}))
            for effect in then:
                await store_effect(connection, effect, self._clock.now())

    async def postpone(self, id: int, until: float, error: str) -> None:
        tries = effects.c.tries + 1 if error else effects.c.tries
        changed = {"state": PENDING, "due_at": until, "tries": tries, "reason": error}
        await self._change(id, changed)

    async def give_up(self, id: int, error: str) -> None:
        await self._change(id, {"state": GIVEN_UP, "reason": error})

    async def _change(self, id: int, values: Mapping[str, Any]) -> None:
        async with self._database.write() as connection:
            await connection.execute(_changed(id, values))


def _changed(id: int, values: Mapping[str, Any]) -> Update:
    return update(effects).where(effects.c.id == id).values(**values)


async def effects_wait_for(connection: AsyncConnection, repos: Sequence[str]) -> set[str]:
    """Natural keys of the runs that pending effects of these repositories are about."""
    query = select(effects.c.effect).where(effects.c.state == PENDING, effects.c.repo.in_(repos))
    pending = [_read(text) for text in (await connection.execute(query)).scalars()]
    return {key for effect in pending if isinstance(effect, ReactAfter) for key in effect.runs}


async def store_effect(connection: AsyncConnection, effect: Effect, now: float) -> None:
    """Of several with the same key the first alone is kept."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(effects).values(
        key=effect.key,
        repo=effect.repo.key,
        effect=_written(effect),
        state=PENDING,
        tries=0,
        due_at=now,
        reason="",
        created_at=now,
    )
    await connection.execute(insert.on_conflict_do_nothing(index_elements=["key"]))


async def was_answered(connection: AsyncConnection, comment: str) -> bool:
    """Whether a reaction to this comment (`core.effects.comment_key`) was ever decided on."""
    query = select(effects.c.id).where(effects.c.key.in_([f"{comment}{each}" for each in Reaction]))
    return (await connection.execute(query.limit(1))).first() is not None


async def newest_effect(connection: AsyncConnection, prefix: str) -> Effect | None:
    """Of those whose key begins so, the one that was stored last. `prefix` ends with a slash."""
    query = select(effects.c.effect).where(_below(prefix))
    newest = query.order_by(effects.c.id.desc()).limit(1)
    text = (await connection.execute(newest)).scalar_one_or_none()
    return None if text is None else _read(text)


async def replace_done(connection: AsyncConnection, prefix: str, effect: Effect, now: float) -> None:
    """Stored like any other; those below `prefix` that were performed have had their use."""
    gone = delete(effects).where(_below(prefix), effects.c.state == DONE)
    await connection.execute(gone.where(effects.c.key != effect.key))
    await store_effect(connection, effect, now)


def is_memory() -> ColumnElement[bool]:
    """What is known of branches, which is no matter of age: the next one replaces it."""
    return and_(effects.c.key.contains("/branch/"), ~effects.c.key.startswith("tell/"))


def _below(prefix: str) -> ColumnElement[bool]:
    """By the index, which LIKE does not use on SQLite."""
    return and_(effects.c.key >= prefix, effects.c.key < prefix[:-1] + chr(ord("/") + 1))


def _written(effect: Effect) -> str:
    kind = type(effect).__name__
    return json.dumps({"kind": kind, "effect": _KINDS[kind].dump_python(effect, mode="json")})


def _read(text: str) -> Effect:
    stored = json.loads(text)
    effect: Effect = _KINDS[stored["kind"]].validate_python(stored["effect"])
    return effect
