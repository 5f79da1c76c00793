"""The networks of this server's steps, made when they are not there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from docker import APIClient

from ci_bot.executors.docker import convert, names, words
from ci_bot.executors.docker.engine import Engine, EngineRefusal
from ci_bot.ports import JobSpec

_PAUSES: Final = (0.05, 0.2, 0.5, 1.0)  # seconds; to make one takes some 100 ms


async def ensure(engine: Engine, instance: str) -> None:
    """Safe to call at any time and by several processes at once. Raises `EngineError`."""
    await _ensure(engine, convert.network(instance))


async def ensure_for(engine: Engine, instance: str, job: JobSpec) -> None:
    """The network that the steps of this job are on. Safe and raising as `ensure`."""
    wanted = convert.job_network(instance, job) if job.job.company else convert.network(instance)
    await _ensure(engine, wanted)


async def _ensure(engine: Engine, wanted: dict[str, Any]) -> None:
    """Two jobs may want it at once: the engine refuses the second before the first one's can be seen."""
    for pause in (*_PAUSES, None):
        if await _exists(engine, wanted["name"]):
            return
        try:
            await engine.call(lambda client: client.create_network(**wanted))
        except EngineRefusal as refusal:
            if "non-overlapping" in refusal.text:
                raise words.no_address_space() from refusal
            if pause is None:
                raise
            await asyncio.sleep(pause)
        else:
            return


async def remove(engine: Engine, networks: Iterable[str]) -> None:
    """By name or id; one that is gone is fine, and one in use is the reaper's. Raises `EngineError`."""
    for each in networks:
        try:
            await engine.call(partial(_remove, each))
        except EngineRefusal as refusal:
            if not (refusal.is_missing or refusal.status == HTTPStatus.FORBIDDEN):
                raise


async def of_jobs(engine: Engine, instance: str) -> list[dict[str, Any]]:
    """The networks of this server's jobs, with their labels."""
    wanted = [f"{names.INSTANCE}={instance}", names.JOB]
    found: list[dict[str, Any]] = await engine.call(
        lambda client: client.networks(filters={"label": wanted})
    )
    return found


async def remove_if_idle(engine: Engine, instance: str) -> None:
    """Removes it unless a container is on it; the next start makes it again. Raises `EngineError`.

    An engine has address space for some thirty networks: https://docs.docker.com/engine/network/#subnet-allocation
    """
    await remove(engine, [names.network_name(instance)])


def _remove(name: str, client: APIClient) -> None:
    client.remove_network(name)


async def _exists(engine: Engine, name: str) -> bool:
    try:
        await engine.call(lambda client: client.inspect_network(name))
    except EngineRefusal as refusal:
        if refusal.is_missing:
            return False
        raise
    return True
