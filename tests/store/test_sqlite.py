"""Few changes of thread for a statement, and nothing lost by it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import text

from ci_bot.core.errors import StoreError
from ci_bot.store import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything that is handed to a connection's thread."""
    handed: list[Any] = []
    hand = aiosqlite.Connection._execute

    async def noted(self: aiosqlite.Connection, function: Any, *words: Any, **more: Any) -> Any:
        handed.append(function)
        return await hand(self, function, *words, **more)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", noted)
    return handed


async def test_of_what_only_reads_each_statement_changes_threads_once_and_nothing_else(
    database: Database, changes: list[Any]
) -> None:
    async with database.read() as connection:
        rows = (await connection.execute(text("SELECT 1 UNION SELECT 2"))).scalars().all()
        await connection.execute(text("SELECT 3"))
    assert rows == [1, 2]
    assert len(changes) == 2


async def test_what_reads_nothing_changes_no_thread(database: Database, changes: list[Any]) -> None:
    async with database.read() as connection:
        assert connection.in_transaction()
    assert changes == []


async def test_of_a_write_begin_and_commit_change_threads_too(
    database: Database, changes: list[Any]
) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE things (name TEXT)"))
    assert len(changes) == 3


async def test_what_reads_has_one_view_until_its_end_and_holds_nothing_afterwards(
    database: Database, tmp_path: Path
) -> None:
    seen = text("SELECT count(*) FROM things")
    other = sqlite3.connect(tmp_path / "ci-bot.db", isolation_level=None)
    other.execute("CREATE TABLE things (name TEXT)")
    for number in (1, 2):
        async with database.read() as connection:
            before = (await connection.execute(seen)).scalar()
            other.execute("INSERT INTO things VALUES ('a')")
            assert (await connection.execute(seen)).scalar() == before == number - 1
    async with database.read() as connection:
        assert (await connection.execute(seen)).scalar() == 2
    (is_held, *_) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not is_held
    other.close()


async def test_a_read_that_fails_halfway_holds_nothing_afterwards(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.read() as connection:
            await connection.execute(text("SELECT * FROM deliveries"))
            raise ZeroDivisionError
    await database.ping()
    other = sqlite3.connect(tmp_path / "ci-bot.db", isolation_level=None)
    (is_held, *_) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not is_held
    other.close()


async def test_what_was_begun_is_rolled_back_and_the_connection_serves_the_next(
    database: Database,
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE things (name TEXT)"))
            raise ZeroDivisionError
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE things (name TEXT)"))
        made = await connection.execute(text("INSERT INTO things VALUES ('a'), ('b')"))
        assert made.rowcount == 2


async def test_a_statement_that_fails_says_why_and_the_next_one_works(database: Database) -> None:
    with pytest.raises(StoreError, match="no such table: nowhere"):
        async with database.read() as connection:
            await connection.execute(text("SELECT * FROM nowhere"))
    await database.ping()


async def test_who_is_cancelled_while_another_process_writes_leaves_a_database_that_works(
    database: Database, tmp_path: Path
) -> None:
    async def write() -> None:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE things (name TEXT)"))

    other = sqlite3.connect(tmp_path / "ci-bot.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(write())
    await asyncio.sleep(0.2)
    assert waiting.cancel()
    other.execute("COMMIT")
    other.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await write()
