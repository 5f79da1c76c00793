"""A running GitLab with a group, people, a bot and a receiver for its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.forge_sim.gitlab import Config, GitLab, start

from .scene import Scene, made_scene


@pytest.fixture
async def gitlab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GitLab]:
    running = await start(Config(data=tmp_path_factory.mktemp("gitlab")))
    yield running
    await running.stop()


@pytest.fixture
async def loose_scene(gitlab: GitLab) -> AsyncIterator[Scene]:
    """A scene in which rules may be broken."""
    async with made_scene(gitlab) as made:
        yield made


@pytest.fixture
async def scene(loose_scene: Scene) -> AsyncIterator[Scene]:
    """A scene in which nothing may break a rule."""
    yield loose_scene
    assert [(v["where"], v["message"]) for v in loose_scene.gitlab.violations] == []
