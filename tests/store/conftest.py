"""A fresh database for each test, on a real file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_bot.store import Database, DecisionStore, InboxStore, PublicationStore, RunStore
from tests.fakes import FakeClock, FakeIds


@dataclass
class Store:
    clock: FakeClock
    database: Database
    inbox: InboxStore
    decisions: DecisionStore
    runs: RunStore
    publications: PublicationStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    clock = FakeClock()
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}")
    yield Store(
        clock,
        database,
        InboxStore(database, clock),
        DecisionStore(database, clock, FakeIds()),
        RunStore(database, clock),
        PublicationStore(database, clock),
    )
    await database.close()
