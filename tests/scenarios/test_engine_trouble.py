"""The Docker engine goes away: for a moment, which no build notices, or for good, which is told in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine_proxy import Proxy
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.world import World

LONG = """\
jobs:
  test:
    steps:
      - |
        echo once >> marks
        for i in 0 1 2 3 4 5 6 7; do echo "line $i"; sleep 0.5; done
        echo "marks $(wc -l < marks)"
"""


@pytest.fixture
async def proxied(forge_url: str, images: None, tmp_path: Path) -> AsyncIterator[tuple[World, Proxy]]:
    proxy = Proxy(tmp_path / "engine.sock")
    async with ForgeClient(forge_url) as client:
        bot = await make_bot(
            client,
            tmp_path,
            slug=f"proxied-{tmp_path.name}",
            waiting=shared(),
            CI_BOT_DOCKER_HOST=f"unix://{proxy.path}",
            CI_BOT_LIMITS__INFRASTRUCTURE_RETRIES="0",
        )
        async with proxy.serving():
            bot.start()
        world = World(client, bot, tmp_path.name.replace("_", "-")[:30])
        await world.found()
        await world.make_repo()
        try:
            yield world, proxy
        finally:
            async with proxy.serving():
                await asyncio.to_thread(bot.process.stop)


async def test_an_engine_that_is_gone_for_a_moment_costs_nothing(proxied: tuple[World, Proxy]) -> None:
    world, proxy = proxied
    async with proxy.serving():
        sha = await world.push("main", ci_yaml=LONG)
        await world.until(lambda: any(one["State"] == "running" for one in world.containers()))
        await asyncio.sleep(0.5)
    await asyncio.sleep(1.5)
    async with proxy.serving():
        job = await world.check(sha, "ci-bot / test")
    log = await world.log(job)
    assert job["conclusion"] == "success", log
    assert "\nmarks 1\n" in log
    assert [line for line in log.splitlines() if line.startswith("line ")] == [
        f"line {i}" for i in range(8)
    ]


async def test_an_engine_that_stays_away_is_an_infrastructure_failure(
    proxied: tuple[World, Proxy],
) -> None:
    world, _ = proxied
    sha = await world.push("main", ci_yaml=LONG)
    job = await world.check(sha, "ci-bot / test", timeout=60)
    assert job["conclusion"] == "failure"
    told = job["output"]["title"] + job["output"]["summary"]
    assert "infrastructure" in told.lower()
    assert "does not answer" in told
