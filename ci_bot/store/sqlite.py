"""SQLite as this store uses it: how a connection is made and a transaction begun, with few changes of thread.

A statement of aiosqlite's changes to the connection's thread and back four times, for the cursor, the
execution, the rows and the end of the cursor; SQLAlchemy's adapter asks for each. That was a third of what a
decision costs the processor. Here they are one change. A transaction that only reads has none of its own for
its begin, which goes with its first statement, and nobody waits for its end. All else is the library's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self, cast

import aiosqlite
from aiosqlite.context import contextmanager
from sqlalchemy import Connection as SyncConnection

BUSY_SECONDS = 30  # how long SQLite waits for another process's write
_CHUNK = 64  # aiosqlite's own; nothing here reads in chunks
_PRAGMAS = (
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
)


_Parameters = Sequence[Any] | Mapping[str, Any]


class _Cursor(aiosqlite.Cursor):
    """Has all rows once it has executed; a statement whose rows are all fetched holds nothing open."""

    _conn: _Connection
    _rows: Sequence[Any] = ()

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        run = self._execute_and_fetch
        self._rows = await self._execute(run, sql, parameters)  # type: ignore[no-untyped-call]
        return self

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def close(self) -> None:
        pass

    def _execute_and_fetch(self, sql: str, parameters: _Parameters) -> Sequence[Any]:
        if self._conn.reads_next:
            self._conn.reads_next = False
            self._cursor.execute("BEGIN")
        self._cursor.execute(sql, parameters)
        return self._cursor.fetchall() if self._cursor.description else ()


class _Connection(aiosqlite.Connection):
    """Its cursors are made where they are asked for: making one touches no file.

    Whoever is cancelled during a statement or a commit never uses its connection again (SQLAlchemy closes
    it), so nothing here runs beside the connection's own thread.
    """

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        #: A transaction was asked for that only reads: it begins with its first statement. SQLite itself takes
        #: no snapshot before that: https://www.sqlite.org/lang_transaction.html
        self.reads_next = False
        self._is_reading = False
        self._is_writing = False
        self._thread.daemon = (
            True  # as SQLAlchemy has it, or a process would wait for what it forgot to close
        )

    @contextmanager
    async def cursor(self) -> aiosqlite.Cursor:
        return _Cursor(self, self._conn.cursor())

    def begin_to_read(self) -> None:
        self._is_reading, self._is_writing = True, False
        self.reads_next = True

    def begin_to_write(self) -> None:
        self._is_reading, self._is_writing = False, True

    async def commit(self) -> None:
        if self._is_reading:
            self._let_go(self._conn.commit)
        else:
            await super().commit()

    async def rollback(self) -> None:
        """Nothing, where all is committed: the pool asks for it whenever a connection comes back."""
        if self._is_reading:
            self._let_go(self._conn.rollback)
        elif self._is_writing and self.in_transaction:
            await super().rollback()

    def _let_go(self, end: Callable[[], None]) -> None:
        """Of what was read, without waiting: the thread does it before anything that follows."""
        self._is_reading = False
        if self.reads_next:
            self.reads_next = False
        else:
            self._tx.put_nowait((None, end))


def connecting(database: str, **options: Any) -> aiosqlite.Connection:
    """What SQLAlchemy awaits for a connection: `async_creator_fn` of its `connect_args`.

    https://docs.sqlalchemy.org/en/21/core/engines.html#custom-dbapi-args
    """
    return _Connection(partial(sqlite3.connect, database, **options), _CHUNK)


#: Cursors are made in the event loop's thread, and run in the connection's.
CONNECT_ARGS = {"async_creator_fn": connecting, "check_same_thread": False}


def prepare(connection: Any, _record: object) -> None:
    """On each new connection."""
    connection.isolation_level = None  # the driver's own idea of when to begin: see `begin`
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    except Exception:
        connection.close()  # nobody else would, and its thread would outlive the event loop
        raise
    cursor.close()


def begin(connection: SyncConnection) -> None:
    driver = cast("_Connection", connection.connection.driver_connection)
    if connection.get_execution_options().get("immediate", False):
        driver.begin_to_write()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        driver.begin_to_read()
