"""A running forge with an organisation, people, an App and a receiver for its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.forge_sim import Config, Forge, start

from .scene import Scene, made_scene

DESCRIPTION = Path(__file__).parents[2] / ".cache/forge-description/api.github.com.json"


def description() -> Path | None:
    return DESCRIPTION if DESCRIPTION.exists() else None


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[Forge]:
    """Validated where the description is there; a test that leaves violations fails."""
    running = await start(Config(data=tmp_path / "forge", description=description()))
    yield running
    await running.stop()


@pytest.fixture
async def scene(forge: Forge) -> AsyncIterator[Scene]:
    async with made_scene(forge) as made:
        yield made


@pytest.fixture
async def clean_scene(scene: Scene) -> AsyncIterator[Scene]:
    """A scene in which nothing may break a rule."""
    yield scene
    assert [(v["where"], v["message"]) for v in scene.forge.violations] == []
