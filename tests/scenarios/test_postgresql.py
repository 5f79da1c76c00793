"""The whole road with PostgreSQL: kept through `kill -9`, by one server alone, and brought back by its own tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.forge_sim.client import ForgeClient
from tests.postgres import Cluster, name_of
from tests.preloaded import shared
from tests.rig import Bot, NotStarted, Process, free_port, make_bot
from tests.scenarios.invariants import Starts
from tests.scenarios.operating import ask
from tests.scenarios.world import World

SECONDS = """\
jobs:
  test:
    steps:
      - for i in $(seq 0 59); do echo "line $i"; sleep 0.1; done
      - echo and this
"""
WHOLE = [f"line {number}" for number in range(60)]


@pytest.fixture
async def pg_world(
    forge_url: str, images: None, tmp_path: Path, postgres: Cluster
) -> AsyncIterator[World]:
    async with ForgeClient(forge_url) as client:
        seen = len(await client.violations())
        url = await postgres.fresh()
        bot = await make_bot(
            client, tmp_path, slug="bot-postgresql", waiting=shared(), CI_BOT_DATABASE_URL=url
        )
        await asyncio.to_thread(bot.start)
        try:
            world = World(client, bot, "postgresql")
            await world.found()
            yield world
            assert (await client.violations())[seen:] == []
        finally:
            bot.process.stop()


def rival_of(bot: Bot, home: Path) -> Bot:
    """Another server of the same App, on another machine, with the same database."""
    home.mkdir()
    port = free_port()
    env = bot.env | {"CI_BOT_DATA_DIR": str(home / "data"), "CI_BOT_PORT": str(port)}
    return Bot(home, port, Process(bot.process.command, home / "ci-bot.log", env, shared()))


@pytest.mark.timeout(300)  # six starts of processes, one after the other
async def test_the_whole_road_with_postgresql(
    pg_world: World, tmp_path: Path, postgres: Cluster
) -> None:
    world, bot = pg_world, pg_world.bot
    data, url = Path(bot.env["CI_BOT_DATA_DIR"]), bot.env["CI_BOT_DATABASE_URL"]
    instance = (data / "instance").read_text()
    starts = Starts(instance)
    await world.make_repo(SECONDS)
    killed = await world.push("killed")
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))

    rival = rival_of(bot, tmp_path / "rival")
    with pytest.raises(NotStarted, match=rf"another server works on this database \(ci-bot {instance}"):
        await asyncio.to_thread(rival.start)
    bot.process.kill()
    await asyncio.to_thread(bot.start)
    job = await world.check(killed, "ci-bot / test")
    assert job["conclusion"] == "success"
    assert [line for line in (await world.log(job)).splitlines() if line in WHOLE] == WHOLE
    assert len(starts.seen) == len(set(starts.seen)) == 2

    assert f"answers at postgresql+asyncpg:///{name_of(url)}" in await ask(bot, "doctor", code=None)
    said = await ask(bot, "backup", "--without-logs", str(tmp_path / "b.tar.zst"))
    assert "pg_dump --format=custom" in said

    # Brought back to a moment at which a job ran that has ended since.
    ended = await world.push("ended", ci_yaml=SECONDS.replace("59", "29"))
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))
    dump, back = str(tmp_path / "ci-bot.dump"), await postgres.empty()
    await asyncio.to_thread(
        postgres.tool, "pg_dump", "--format=custom", "--dbname", name_of(url), "--file", dump
    )
    assert (await world.check(ended))["conclusion"] == "success"
    assert bot.process.stop() == 0
    await asyncio.to_thread(postgres.tool, "pg_restore", "--dbname", name_of(back), dump)
    bot.env["CI_BOT_DATABASE_URL"] = back
    assert "looked up on the forge before an update" in await ask(bot, "restore", "--database-restored")
    await asyncio.to_thread(bot.start)
    after = await world.push("after", ci_yaml=SECONDS.replace("59", "1"))
    assert (await world.check(after))["conclusion"] == "success"
    assert set((await world.ended(ended)).values()) <= {"success", "failure"}
    assert len(starts.seen) == len(set(starts.seen))
    starts.close()
