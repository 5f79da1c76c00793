"""The adapter in front of a simulated GitLab, and in front of one that answers what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import stamina

from tests.forge_sim.gitlab import Config, start
from tests.forge_sim.gitlab import GitLab as Simulated
from tests.forges.gitlab.scene import Scene, Stub, set_scene


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
async def sim(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulated]:
    running = await start(Config(data=tmp_path_factory.mktemp("gitlab")))
    yield running
    await running.stop()


@pytest.fixture
async def scene(sim: Simulated) -> AsyncIterator[Scene]:
    """Whatever a test does, no request of ours may break a rule of GitLab's."""
    async with set_scene(sim) as made:
        yield made
        assert [(one["where"], one["message"]) for one in sim.violations] == []


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(Stub.running())
