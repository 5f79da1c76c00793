"""The adapter in front of a simulated forge, and in front of a forge that answers what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import stamina

from tests.forge_sim import Config, Forge, start
from tests.forges.github.scene import Scene, Stub, set_scene

DESCRIPTION = Path(__file__).parents[3] / ".cache/forge-description/api.github.com.json"


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[Forge]:
    """Held to GitHub's own description of its API where that is there."""
    description = DESCRIPTION if DESCRIPTION.exists() else None
    running = await start(Config(data=tmp_path / "forge", description=description))
    yield running
    await running.stop()


@pytest.fixture
async def scene(forge: Forge) -> AsyncIterator[Scene]:
    """Whatever a test does, no request of ours may break a rule of GitHub's."""
    async with AsyncExitStack() as stack:
        made = await set_scene(stack, forge)
        yield made
        assert [(one["where"], one["message"]) for one in forge.violations] == []


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(Stub.running())
