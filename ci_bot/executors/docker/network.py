"""The network of this server's steps, made when it is not there."""

from __future__ import annotations

from http import HTTPStatus

from ci_bot.executors.docker import convert, names
from ci_bot.executors.docker.engine import Engine, EngineRefusal


async def ensure(engine: Engine, instance: str) -> None:
    """Safe to call at any time and by several processes at once. Raises `EngineError`."""
    if await _exists(engine, instance):
        return
    try:
        await engine.call(lambda client: client.create_network(**convert.network(instance)))
    except EngineRefusal:
        if not await _exists(engine, instance):
            raise


async def remove_if_idle(engine: Engine, instance: str) -> None:
    """Removes it unless a container is on it; the next start makes it again. Raises `EngineError`.

    An engine has address space for some thirty networks: https://docs.docker.com/engine/network/#subnet-allocation
    """
    try:
        await engine.call(lambda client: client.remove_network(names.network_name(instance)))
    except EngineRefusal as refusal:
        if not (refusal.is_missing or refusal.status == HTTPStatus.FORBIDDEN):  # forbidden: in use
            raise


async def _exists(engine: Engine, instance: str) -> bool:
    try:
        await engine.call(lambda client: client.inspect_network(names.network_name(instance)))
    except EngineRefusal as refusal:
        if refusal.is_missing:
            return False
        raise
    return True
