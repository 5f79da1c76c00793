"""The real store beneath each part of the road; forges, engines and workspaces are fakes at their ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from ci_bot.archive.logs import FileLogs
from tests.fakes import FakeExecutor, FakeForge, FakeWebhook, FakeWorkspaces
from tests.flow.road import Deciding, Working
from tests.stores import Store, open_store


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A traceback in colours takes longer than most tests."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}") as opened:
        yield opened


@pytest.fixture
def logs(tmp_path: Path) -> FileLogs:
    return FileLogs(tmp_path / "logs")


@pytest.fixture
def deciding(store: Store) -> Deciding:
    return Deciding(store, FakeForge(), FakeWebhook())


@pytest.fixture
def working(store: Store, logs: FileLogs, tmp_path: Path) -> Working:
    return Working(store, logs, FakeExecutor(), FakeWorkspaces(tmp_path))
