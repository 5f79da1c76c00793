"""A SQLite database that is in use → a whole copy of it as of one moment; and its schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ci_bot.core.errors import StoreError
from ci_bot.store.sqlite import BUSY_SECONDS

PAGES_AT_ONCE: Final = 1024  # 4 MiB

Progress = Callable[[float], None]


def copy_sqlite(source: Path, target: Path, tell: Progress) -> str:
    """Copies while others write, and returns the copy's schema. `tell` hears how much is done, 0 to 1.

    The connection reads one snapshot from beginning to end, so the copy never starts anew, however
    much is written meanwhile: https://sqlite.org/backup.html. Raises `StoreError`.
    """

    def progress(_status: int, remaining: int, total: int) -> None:
        tell(1.0 if not total else (total - remaining) / total)

    uri = f"file:{quote(str(source))}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.isolation_level = None
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reading.backup(writing, pages=PAGES_AT_ONCE, progress=progress)
            reading.execute("ROLLBACK")
            writing.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            (answer,) = writing.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise StoreError(f"{source} is damaged ({answer}); restore an earlier backup")
            return _schema(writing)
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied: {error}") from error


def doubt_what_is_shown(database: Path) -> None:
    """For a database that was brought back: since it was copied, another server may have completed checks.

    So whatever was not final then is looked up on the forge before it is updated. Raises `StoreError`.
    """
    try:
        with closing(sqlite3.connect(database)) as writing, writing:
            writing.execute("UPDATE publications SET sent = 1, accepted = '' WHERE NOT is_final")
    except sqlite3.Error as error:
        raise StoreError(f"{database} cannot be written: {error}") from error


def _schema(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""
