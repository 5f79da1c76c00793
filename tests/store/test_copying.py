"""A database is copied while others write: the copy is one moment of it, whole."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ci_bot.core.convergence import Published, is_unknown
from ci_bot.core.errors import StoreError
from ci_bot.store import Database
from ci_bot.store.copying import copy_sqlite, doubt_what_is_shown
from ci_bot.store.schema import NEWEST
from tests.make import creating, new_run
from tests.stores import open_store


async def test_a_copy_under_load_is_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "ci-bot.db"
    await (await Database.open(f"sqlite+aiosqlite:///{path}")).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE pairs (left, right, filler)")
        for number in range(2000):
            connection.execute("INSERT INTO pairs VALUES (?, ?, zeroblob(4000))", (number, number))
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            number = 2000
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("UPDATE pairs SET left = left + 1")
                connection.execute("UPDATE pairs SET right = right + 1")
                connection.execute("INSERT INTO pairs VALUES (?, ?, zeroblob(9000))", (number, number))
                connection.execute("COMMIT")
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    told: list[float] = []
    try:
        assert written.wait(30)
        assert copy_sqlite(path, tmp_path / "copy.db", told.append) == NEWEST
    finally:
        stop.set()
        writer.join()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM pairs WHERE left != right").fetchone() == (0,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] == 1.0
    assert not list(tmp_path.glob("copy.db-*"))


async def test_a_server_that_is_stopped_is_copied_too(tmp_path: Path) -> None:
    path = tmp_path / "ci-bot.db"
    await (await Database.open(f"sqlite+aiosqlite:///{path}")).close()
    assert copy_sqlite(path, tmp_path / "copy.db", lambda _: None) == NEWEST


def test_what_is_no_database_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all, but some text of some length" * 20)
    with pytest.raises(StoreError, match="cannot be copied"):
        copy_sqlite(tmp_path / "x.db", tmp_path / "copy.db", lambda _: None)


async def test_what_was_shown_when_it_was_copied_is_looked_up_before_it_is_updated(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ci-bot.db"
    async with open_store(f"sqlite+aiosqlite:///{path}") as store:
        await store.decisions.commit(creating(new_run()), None)
        (subject,) = await store.publications.due(1)
        running = Published("ci-bot", 1, "check:5", sent=True, accepted="abc")
        over = Published("ci-bot / test", 1, "check:6", sent=True, accepted="def", is_final=True)
        for shown in (running, over):
            await store.publications.save(subject.id, shown)
    doubt_what_is_shown(path)
    async with open_store(f"sqlite+aiosqlite:///{path}") as store:
        known = await store.publications.known(subject.id)
    assert is_unknown(known["ci-bot"])
    assert known["ci-bot / test"] == over
    with pytest.raises(StoreError, match="cannot be written"):
        doubt_what_is_shown(tmp_path / "nowhere" / "ci-bot.db")
