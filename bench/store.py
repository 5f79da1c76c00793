"""How many deliveries a second become durable, one after the other and many at once."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

from bench.table import Result, figure, report, times
from ci_bot.ports import Delivery
from ci_bot.store import Database, InboxStore
from ci_bot.system import SystemClock

BODY = b'{"ref":"refs/heads/main","pad":"' + b"x" * 8000 + b'"}'
AT_ONCE = (1, 32, 256)
COUNT = 1024
ROUNDS = 3
TABLE = "CREATE TABLE IF NOT EXISTS plain (id INTEGER PRIMARY KEY, name TEXT UNIQUE, digest TEXT, body BLOB)"


def measure() -> Result:
    return asyncio.run(_measure())


async def _measure() -> Result:
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as home:
        database = await Database.open(f"sqlite+aiosqlite:///{home}/ci-bot.db")
        try:
            inbox = InboxStore(database, SystemClock())
            for number in range(ROUNDS):
                plain = await asyncio.to_thread(
                    _one_by_one, Path(home) / "plain.db", _deliveries(f"plain-{number}")
                )
                rates.setdefault("plain SQLite, a commit each", []).append(COUNT / plain)
                for width in AT_ONCE:
                    taken = await _put(inbox, _deliveries(f"{width}-{number}"), width)
                    rates.setdefault(f"inbox, {width} at once", []).append(COUNT / taken)
        finally:
            await database.close()
    return _result({name: median(rate) for name, rate in rates.items()})


def _result(rates: dict[str, float]) -> Result:
    plain = next(iter(rates.values()))
    return Result(
        title=f"store: {COUNT} deliveries of {len(BODY) / 1000:.0f} KB, median of {ROUNDS} rounds in turn",
        columns=("", "deliveries/s", "ratio"),
        rows=tuple((name, figure(rate), times(rate / plain)) for name, rate in rates.items()),
    )


def _deliveries(prefix: str) -> Sequence[Delivery]:
    headers = {"x-github-event": "push", "x-github-hook-id": "1"}
    return [Delivery("github", f"{prefix}-{number}", headers, BODY) for number in range(COUNT)]


def _one_by_one(file: Path, deliveries: Sequence[Delivery]) -> float:
    """The least that can be done: one statement, one durable commit, no thread in between."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute(TABLE)
        began = time.perf_counter()
        for delivery in deliveries:
            digest = hashlib.sha256(delivery.body).hexdigest()
            row = (delivery.delivery_id, digest, delivery.body)
            database.execute("INSERT INTO plain (name, digest, body) VALUES (?, ?, ?)", row)
        return time.perf_counter() - began


async def _put(inbox: InboxStore, deliveries: Sequence[Delivery], at_once: int) -> float:
    waiting = iter(deliveries)

    async def lane() -> None:
        for delivery in waiting:
            await inbox.put(delivery)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(report(measure))
