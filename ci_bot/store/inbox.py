"""Deliveries: many webhooks, few commits. Implements `ports.Inbox`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, select, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.errors import StoreError
from ci_bot.ports import Clock, Delivery, DeliveryOutcome, StoredDelivery
from ci_bot.store.database import Database
from ci_bot.store.schema import deliveries

PENDING, DONE, SET_ASIDE = "pending", "done", "set_aside"
COMMIT_AT_MOST = 64  # deliveries in one transaction

_Key = tuple[str, str, str]
_Values = dict[str, object]
_KEY = ("forge", "delivery_id", "body_sha256")


def _pending() -> Select[*tuple[Any, ...]]:
    """The numbers first: bodies are large, and an index holds everything that decides."""
    due = and_(
        deliveries.c.state == PENDING,
        deliveries.c.due_at <= bindparam("now"),
        deliveries.c.turn.not_in(bindparam("busy", expanding=True)),
    )
    firsts = select(func.min(deliveries.c.id)).where(due, deliveries.c.turn != "")
    others = select(deliveries.c.id).where(due, deliveries.c.turn == "")
    ids = union_all(firsts.group_by(deliveries.c.turn), others).subquery()
    chosen = select(ids).order_by(ids.c[0]).limit(bindparam("at_most"))
    return select(deliveries).where(deliveries.c.id.in_(chosen)).order_by(deliveries.c.id)


_PENDING: Final = _pending()  # made once: to make a statement takes longer than to run it


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    answer: asyncio.Future[bool]


class InboxStore:
    """Group commit: while one transaction is being written, the next deliveries gather for one more.

    A disk's flush costs the same for one row and for thirty, so a burst of webhooks is answered at
    the speed of the network and not of the disk.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, delivery: Delivery) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(delivery, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await answer

    async def pending(self, limit: int, busy: Collection[str] = ()) -> Sequence[StoredDelivery]:
        values = {"now": self._clock.now(), "busy": tuple(busy), "at_most": limit}
        async with self._database.read() as connection:
            rows = (await connection.execute(_PENDING, values)).all()
        return [
            StoredDelivery(
                id=row.id,
                delivery=Delivery(
                    row.forge, row.delivery_id, json.loads(row.headers), row.body, row.turn
                ),
                received_at=row.received_at,
                tries=row.tries,
            )
            for row in rows
        ]

    async def fail(self, id: int, reason: str, retry_at: float | None) -> None:
        change = (
            {"state": SET_ASIDE, "done_at": self._clock.now()}
            if retry_at is None
            else {"due_at": retry_at}
        )
        async with self._database.write() as connection:
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id == id)
                .values(tries=deliveries.c.tries + 1, reason=reason, **change)
            )

    async def outcome(self, forge: str, delivery_id: str) -> DeliveryOutcome | None:
        query = select(deliveries.c.state, deliveries.c.reason, deliveries.c.body).where(
            deliveries.c.forge == forge, deliveries.c.delivery_id == delivery_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return DeliveryOutcome(row.state == DONE, row.state == SET_ASIDE, row.reason, row.body)

    async def count_set_aside(self) -> int:
        """How many deliveries failed for good and wait for an operator."""
        query = select(deliveries.c.id).where(deliveries.c.state == SET_ASIDE)
        async with self._database.read() as connection:
            return len((await connection.execute(query)).all())

    async def _write_all(self) -> None:
        while self._waiting:
            batch = self._waiting[:COMMIT_AT_MOST]
            del self._waiting[: len(batch)]
            try:
                await self._write(batch)
            except StoreError as error:
                for item in batch:
                    _answer(item, error)

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        """One statement: each would cost several changes of thread, and all writers wait meanwhile."""
        rows = [_row(item.delivery, self._clock.now()) for item in batch]
        async with self._database.write(urgent=True) as connection:
            fresh = await _insert(connection, {_key(row): row for row in rows})
        for item, row in zip(batch, rows, strict=True):
            _answer(item, _key(row) in fresh)
            fresh.discard(_key(row))  # of twins in one batch, one is new


def _answer(item: _Waiting, answer: bool | StoreError) -> None:
    if item.answer.done():  # the sender went away
        return
    if isinstance(answer, StoreError):
        item.answer.set_exception(answer)
    else:
        item.answer.set_result(answer)


async def put_delivery(connection: AsyncConnection, delivery: Delivery, now: float) -> bool:
    """Of our own, with what it follows from. False if it is there already."""
    row = _row(delivery, now)
    return bool(await _insert(connection, {_key(row): row}))


async def _insert(connection: AsyncConnection, rows: Mapping[_Key, _Values]) -> set[_Key]:
    """The keys of those that are to be decided now.

    A redelivery of what was set aside is how an operator asks for another try.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(deliveries).values(list(rows.values()))
    again = insert.on_conflict_do_update(
        index_elements=_KEY,
        set_={"state": PENDING, "tries": 0, "due_at": insert.excluded.due_at, "done_at": None},
        where=deliveries.c.state == SET_ASIDE,
    )
    stored = await connection.execute(again.returning(*(deliveries.c[name] for name in _KEY)))
    return {(row.forge, row.delivery_id, row.body_sha256) for row in stored}


def _key(row: _Values) -> _Key:
    return (str(row["forge"]), str(row["delivery_id"]), str(row["body_sha256"]))


def _row(delivery: Delivery, now: float) -> _Values:
    return {
        "forge": delivery.forge,
        "delivery_id": delivery.delivery_id,
        "body_sha256": hashlib.sha256(delivery.body).hexdigest(),
        "headers": json.dumps(dict(delivery.headers)),
        "body": delivery.body,
        "turn": delivery.turn,
        "received_at": now,
        "state": PENDING,
        "tries": 0,
        "due_at": now,
        "reason": "",
    }
