"""The real store on a real file or in memory, with a clock and names of the test's own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.engine import make_url

from ci_bot.core.model import Run
from ci_bot.store import (
    ApprovalStore,
    ArtifactStore,
    AuditStore,
    CacheStore,
    Database,
    DecisionStore,
    EffectStore,
    InboxStore,
    PublicationStore,
    RepositoryStore,
    RetentionStore,
    RunListStore,
    RunStore,
    ScheduleStore,
    SecretStore,
    TokenStore,
)
from ci_bot.store.schema import deliveries
from tests.fakes import FakeClock, FakeIds

_EMPTY: list[bytes] = []  # made once a process, not once a test


@dataclass
class Store:
    url: str
    clock: FakeClock
    database: Database
    inbox: InboxStore
    decisions: DecisionStore
    runs: RunStore
    publications: PublicationStore
    approvals: ApprovalStore
    effects: EffectStore
    audit: AuditStore
    secrets: SecretStore
    repositories: RepositoryStore
    past: RetentionStore
    listing: RunListStore
    tokens: TokenStore
    schedules: ScheduleStore
    artifacts: ArtifactStore
    caches: CacheStore

    async def reasons(self) -> list[tuple[str, str]]:
        """What became of every delivery, in the order of arrival: its state, and why."""
        query = select(deliveries.c.state, deliveries.c.reason).order_by(deliveries.c.id)
        async with self.database.read() as connection:
            return [(row.state, row.reason) for row in await connection.execute(query)]

    async def the_run(self) -> Run:
        """The only one there is."""
        (run,) = await self.runs.recent(10)
        return run


async def put_empty_database(path: Path) -> None:
    """As if a server had been started there once; a database that is there stays."""
    if not path.exists():
        _EMPTY[:] = _EMPTY or [await _migrated()]
        path.write_bytes(_EMPTY[0])


async def _migrated() -> bytes:
    """The file that the migrations make of nothing."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ci-bot.db"
        await (await Database.open(f"sqlite+aiosqlite:///{path}")).close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


class Compiled(dict[tuple[Hashable, ...], Any]):
    """What SQLAlchemy made of each statement, for all databases of this process instead of for each one.

    A test opens a database of its own and sends it each statement once or twice, so to compile them was a
    fifth of its time. SQLAlchemy keeps an entry for one dialect object; those of a driver are all alike here.
    https://docs.sqlalchemy.org/en/20/core/connections.html#disabling-or-using-an-alternate-dictionary-to-cache-some-or-all-statements
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._shared(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._shared(key), value)

    def _shared(self, key: Any) -> tuple[Hashable, ...]:
        dialect, *statement = key
        return (dialect.name, *statement)


_COMPILED = Compiled()


@event.listens_for(Engine, "engine_connect")
def _share_compiled(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED)


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    clock, ids = FakeClock(), FakeIds()
    if url.startswith("sqlite") and (file := make_url(url).database):
        await put_empty_database(Path(file))
    database = await Database.open(url)
    try:
        yield Store(
            url,
            clock,
            database,
            InboxStore(database, clock),
            DecisionStore(database, clock, ids),
            RunStore(database, clock, ids),
            PublicationStore(database, clock),
            ApprovalStore(database),
            EffectStore(database, clock),
            AuditStore(database, clock),
            SecretStore(database),
            RepositoryStore(database),
            RetentionStore(database),
            RunListStore(database),
            TokenStore(database, clock),
            ScheduleStore(database, clock),
            ArtifactStore(database, clock),
            CacheStore(database, clock),
        )
    finally:
        await database.close()
