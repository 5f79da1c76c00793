"""The real store on a real file or in memory, with a clock and names of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select

from ci_bot.core.model import Run
from ci_bot.store import (
    ApprovalStore,
    AuditStore,
    Database,
    DecisionStore,
    EffectStore,
    InboxStore,
    PublicationStore,
    RepositoryStore,
    RetentionStore,
    RunListStore,
    RunStore,
    SecretStore,
    TokenStore,
)
from ci_bot.store.schema import deliveries
from tests.fakes import FakeClock, FakeIds


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

    async def reasons(self) -> list[tuple[str, str]]:
        """What became of every delivery, in the order of arrival: its state, and why."""
        query = select(deliveries.c.state, deliveries.c.reason).order_by(deliveries.c.id)
        async with self.database.read() as connection:
            return [(row.state, row.reason) for row in await connection.execute(query)]

    async def the_run(self) -> Run:
        """The only one there is."""
        (run,) = await self.runs.recent(10)
        return run


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    clock = FakeClock()
    database = await Database.open(url)
    try:
        yield Store(
            url,
            clock,
            database,
            InboxStore(database, clock),
            DecisionStore(database, clock, FakeIds()),
            RunStore(database, clock),
            PublicationStore(database, clock),
            ApprovalStore(database),
            EffectStore(database, clock),
            AuditStore(database, clock),
            SecretStore(database),
            RepositoryStore(database),
            RetentionStore(database),
            RunListStore(database),
            TokenStore(database, clock),
        )
    finally:
        await database.close()
