"""One database, opened, migrated and guarded: transactions in, rows out, `StoreError` on trouble."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from ci_bot.core.errors import StoreError
from ci_bot.store import sqlite
from ci_bot.store.schema import NEWEST
from ci_bot.store.sqlite import BUSY_SECONDS

DRIVERS = (
    "PostgreSQL needs `pip install ci-bot[postgresql]` and a URL like postgresql+asyncpg://host/name"
)
PAUSE_SECONDS = 10  # how long a process may stand still between two statements of a write
ONE_WRITER = 0x63695F626F74  # "ci_bot"
INCREMENTAL = 2  # of SQLite's auto_vacuum
#: One writer at a time, of all processes, as in SQLite; the number is only ours.
#: A process that stands still inside a transaction is put out of it, so that it holds up nobody for long.
#: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
POSTGRESQL_TURN = text(
    f"""
    SELECT set_config('lock_timeout', '{BUSY_SECONDS}s', true),
           set_config('idle_in_transaction_session_timeout', '{PAUSE_SECONDS}s', true),
           pg_advisory_xact_lock({ONE_WRITER})
    """
)


def _nobody() -> None:
    pass


class Database:
    """A connection pool with one way to write and one way to read.

    Writers take turns, in all processes: two transactions that read before they write would lose an
    update, release a job that waits for two others never, or make an attempt twice. SQLite begins
    every write with BEGIN IMMEDIATE, PostgreSQL with a lock that ends with the transaction. Writers of
    this process queue on a lock of their own before that, where what is urgent comes first.
    """

    def __init__(self, engine: AsyncEngine, written: Callable[[], None] = _nobody) -> None:
        self._engine = engine
        self._written = written
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._writing = asyncio.Lock()
        self._queue = asyncio.Lock()

    @classmethod
    async def open(
        cls, url: str, *, migrate: bool = True, written: Callable[[], None] = _nobody
    ) -> Self:
        """Connects, checks SQLite's integrity, and migrates to the newest schema.

        Without `migrate` the database must be there, and nothing of it is changed. `written` is called
        after each transaction of this object that wrote.

        `url` is SQLAlchemy's: "sqlite+aiosqlite:////path/to/ci-bot.db" or
        "postgresql+asyncpg://user@host/name". Raises `StoreError`.
        """
        try:
            await asyncio.to_thread(_examine_file, url, migrate)
            engine = create_async_engine(url, **_engine_options(url))
        except (ModuleNotFoundError, ArgumentError) as error:
            raise StoreError(f"database_url cannot be used: {error}; {DRIVERS}") from error
        except sqlite3.Error as error:
            raise StoreError(_words(url, error)) from error
        if engine.dialect.name == "sqlite":
            event.listen(engine.sync_engine, "connect", sqlite.prepare)
            event.listen(engine.sync_engine, "begin", sqlite.begin)
        database = cls(engine, written)
        try:
            await database.ping()
            if migrate:
                async with database.write() as connection:
                    await connection.run_sync(_upgrade)
        except (SQLAlchemyError, StoreError) as error:
            await engine.dispose()
            raise StoreError(_words(url, error)) from error
        return database

    @property
    def where(self) -> str:
        """For people: without user, password and options."""
        url = self._engine.url
        return URL.create(
            url.drivername, None, None, url.host, url.port, url.database
        ).render_as_string()

    async def is_empty(self) -> bool:
        """Whether no server has made its tables there yet."""
        async with self.read() as connection:
            return not await connection.run_sync(lambda sync: inspect(sync).has_table("deliveries"))

    @property
    def is_sqlite(self) -> bool:
        return self._is_sqlite

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it or nothing. No engine or forge call belongs inside."""
        how: dict[str, Any] = {"immediate": True} if self._is_sqlite else {}
        async with self._turn(urgent=urgent), self._transaction(how) as connection:
            if not self._is_sqlite:
                await connection.execute(POSTGRESQL_TURN)
            yield connection
        self._written()

    @asynccontextmanager
    async def _turn(self, *, urgent: bool) -> AsyncIterator[None]:
        """A forge waits for what is urgent: it stands behind one writer and not behind a queue of them."""
        if urgent:
            async with self._writing:
                yield
            return
        async with self._queue, self._writing:
            yield

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view."""
        how = {} if self._is_sqlite else {"isolation_level": "REPEATABLE READ"}
        async with self._transaction(how) as connection:
            yield connection

    async def session(self) -> AsyncConnection:
        """A connection outside of transactions, for what lasts as long as it does; the caller closes it."""
        try:
            connection = await self._engine.connect()
            return await connection.execution_options(isolation_level="AUTOCOMMIT")
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"the database failed: {cause_of(error)}") from error

    async def ping(self) -> None:
        """Raises `StoreError` unless the database answers."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def _transaction(self, how: Mapping[str, Any]) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                if how:
                    await connection.execution_options(**how)
                async with connection.begin():
                    yield connection
        except (SQLAlchemyError, OSError) as error:  # OSError: nobody listens there, or no more
            raise StoreError(f"the database failed: {cause_of(error)}") from error


def _examine_file(url: str, make: bool) -> None:
    """Opens and checks SQLite's file, before a pool is built on it. Raises `sqlite3.Error`."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or _is_in_memory(parsed):
        return
    file = f"file:{quote(str(parsed.database))}?mode={'rwc' if make else 'rw'}"
    with closing(sqlite3.connect(file, uri=True, timeout=BUSY_SECONDS)) as connection:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(f"damaged: {answer}")
        if make:
            _let_it_shrink(connection)


def _let_it_shrink(connection: sqlite3.Connection) -> None:
    """Free pages can be given back later, a few at a time. A file of an older ci-bot is rewritten once.

    https://sqlite.org/pragma.html#pragma_auto_vacuum
    """
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if mode != INCREMENTAL:
        connection.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        connection.execute("VACUUM")


def _is_in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _upgrade(connection: Connection) -> None:
    """alembic is not even imported where the schema is the newest: that takes longer than all the rest."""
    if _schema_of(connection) != NEWEST:
        from ci_bot.store.upgrading import upgrade  # noqa: PLC0415  # see above

        upgrade(connection)


def _schema_of(connection: Connection) -> str:
    """The number of the last migration that ran; "" for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _engine_options(url: str) -> dict[str, Any]:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return {"pool_pre_ping": True}
    if _is_in_memory(parsed):
        # One connection, or each would see a database of its own.
        return {"poolclass": StaticPool, "connect_args": sqlite.CONNECT_ARGS}
    return {"pool_size": 8, "connect_args": sqlite.CONNECT_ARGS}


def _words(url: str, error: Exception) -> str:
    where = make_url(url).render_as_string(hide_password=True)
    cause = cause_of(error)
    if any(word in cause for word in ("damaged", "not a database", "malformed")):
        return f"{where} is damaged or not a database ({cause}); restore it from a backup"
    return f"{where} cannot be opened: {cause}"


def cause_of(error: Exception) -> str:
    """The driver's own words, one line."""
    if isinstance(error, StoreError) and isinstance(error.__cause__, Exception):
        return cause_of(error.__cause__)
    origin = getattr(error, "orig", None) or error
    return (str(origin).splitlines() or [type(origin).__name__])[0]
