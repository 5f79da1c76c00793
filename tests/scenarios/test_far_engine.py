"""A server whose engine cannot see its files does what any other does, over kill -9 too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import docker
import pytest

from tests.executors.docker.copying import blind, far_engine, far_instance, kept_far_instance
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.world import World

__all__ = ["blind", "far_engine", "far_instance", "kept_far_instance"]

YAML = """\
jobs:
  test:
    image: ci-bot/git:1
    steps:
      - git log --format=%s | tail -1; git status --short; git diff --stat HEAD~1 | tail -1
      - run: |
          echo x >> marks
          for n in $(seq 1 40); do echo "line $n"; sleep 0.1; done
      - run: test "$(wc -l < marks)" = 1
        image: ci-bot/git-1000:1
"""


@pytest.fixture
async def world(
    forge_url: str, blind: str, far_engine: docker.APIClient, tmp_path: Path
) -> AsyncIterator[World]:
    async with ForgeClient(forge_url) as client:
        bot = await make_bot(
            client, tmp_path, slug="bot-far", waiting=shared(), CI_BOT_DOCKER_HOST=blind
        )
        bot.start()
        try:
            world = World(client, bot, "far-away")
            await world.found()
            yield world
        finally:
            bot.process.stop()
            for left in far_engine.containers(all=True):
                far_engine.remove_container(left, force=True)


async def test_a_job_is_copied_there_survives_the_server_and_leaves_nothing(
    world: World, far_engine: docker.APIClient
) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=YAML)

    def is_at(step: str) -> bool:
        found = far_engine.containers(filters={"label": f"ci-bot.step={step}"})
        return any(one["State"] == "running" for one in found)

    await world.until(lambda: is_at("1"))
    world.bot.process.kill()
    world.bot.start()
    assert (await world.check(sha))["conclusion"] == "success"
    log = await world.log(await world.check(sha, "ci-bot / test"))
    assert [int(line.split()[1]) for line in log.splitlines() if line.startswith("line ")] == [
        *range(1, 41)
    ]
    assert "1 file changed" in log
    await world.until(lambda: not far_engine.containers(all=True))
    await world.until(lambda: not far_engine.volumes()["Volumes"])
    assert "does not see the server's files" in world.bot.process.tail(100_000)
