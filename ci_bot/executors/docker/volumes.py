"""Volumes that jobs have on the engine, where files are copied to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from ci_bot.executors.docker import names
from ci_bot.executors.docker.engine import Engine, EngineRefusal


async def ensure(engine: Engine, wanted: dict[str, Any]) -> None:
    """Makes it unless it is there: the engine answers the same. Raises `EngineError`."""
    await engine.call(lambda client: client.create_volume(**wanted))


async def listed(engine: Engine, instance: str) -> list[dict[str, Any]]:
    """This server's, of all jobs."""
    found = await engine.call(
        lambda client: client.volumes(filters={"label": f"{names.INSTANCE}={instance}"})
    )
    return list(found["Volumes"] or ())


async def remove(engine: Engine, volumes: Iterable[str]) -> None:
    """One that is gone already is fine. Raises `EngineError`, also for one that a container still has."""
    await asyncio.gather(*(_remove(engine, each) for each in volumes))


async def _remove(engine: Engine, volume: str) -> None:
    try:
        await engine.call(lambda client: client.remove_volume(volume))
    except EngineRefusal as refusal:
        if not refusal.is_missing:
            raise
