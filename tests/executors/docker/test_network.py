"""The network of the steps, wanted by several jobs at once."""

from __future__ import annotations

import asyncio

import pytest
from docker import APIClient

from ci_bot.executors.docker import names, network
from ci_bot.executors.docker.engine import Engine

pytestmark = pytest.mark.docker


async def test_jobs_that_begin_together_share_one(engine: APIClient, own_instance: str) -> None:
    ours = Engine()
    try:
        for _ in range(5):
            await asyncio.gather(*(network.ensure(ours, own_instance) for _ in range(8)))
            found = engine.networks(names=[names.network_name(own_instance)])
            assert (
                len([each for each in found if each["Name"] == names.network_name(own_instance)]) == 1
            )
            await network.remove_if_idle(ours, own_instance)
    finally:
        await ours.close()
