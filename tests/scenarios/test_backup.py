"""A backup while jobs run, brought back elsewhere: everything acknowledged is there, and every run ends."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.rig import NotStarted
from tests.scenarios.operating import ask, cli
from tests.scenarios.world import World

USES = """\
jobs:
  test:
    steps:
      - run: test "$TOKEN" = "brought back"
        secrets: [TOKEN]
"""
LONG = """\
jobs:
  test:
    steps:
      - for i in $(seq 1 600); do echo "line $i"; sleep 0.1; done
"""
SHORT = """\
jobs:
  test:
    steps:
      - for i in $(seq 1 200); do echo "line $i"; done
"""


def stored(database: Path) -> dict[str, set[str]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        deliveries = connection.execute("SELECT delivery_id FROM deliveries")
        logged = connection.execute(
            "SELECT job_id || '/' || position FROM steps WHERE log_bytes > 0 AND finished_at > 0"
        )
        return {
            "deliveries": {row[0] for row in deliveries},
            "logs": {row[0] for row in logged},
        }


@pytest.mark.parametrize("with_keys", [True, False])
async def test_everything_acknowledged_is_there_again(
    own_world: World, tmp_path: Path, with_keys: bool
) -> None:
    world, data = own_world, Path(own_world.bot.env["CI_BOT_DATA_DIR"])
    await world.make_repo(USES)
    await world.check(await world.push("main", warm="1"))
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value="brought back")
    running = await world.push("long", ci_yaml=LONG)
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))

    load = asyncio.create_task(keep_pushing(world))
    await asyncio.sleep(1)
    before = stored(data / "ci-bot.db")
    await ask(world.bot, "backup", str(tmp_path / "b.tar.zst"), *(["--with-keys"] if with_keys else []))
    await load
    after = stored(data / "ci-bot.db")
    world.bot.process.kill()

    said = await ask(world.bot, "restore", str(tmp_path / "b.tar.zst"), "--into", str(tmp_path / "new"))
    assert ("rotate-key --lost" in said) is not with_keys
    restored = stored(tmp_path / "new" / "ci-bot.db")
    assert before["deliveries"] <= restored["deliveries"] <= after["deliveries"]
    for log in restored["logs"]:
        assert (tmp_path / "new" / "logs" / f"{log}.log").stat().st_size > 0

    world.bot.env["CI_BOT_DATA_DIR"] = str(tmp_path / "new")
    world.bot.env["CI_BOT_LIMITS__INFRASTRUCTURE_RETRIES"] = "0"  # else what was lost begins anew
    if not with_keys:
        with pytest.raises(NotStarted, match="restore it from a backup"):
            await asyncio.to_thread(world.bot.start)
        assert "TOKEN" in await ask(world.bot, "secret", "rotate-key", "--lost")
    await asyncio.to_thread(world.bot.start)
    lost = await world.check(running, "ci-bot / test")
    assert lost["conclusion"] == "failure"
    assert "workspace is gone" in lost["output"]["summary"]
    sha = await world.push("main", ci_yaml=USES, again="1")
    job = await world.check(sha, "ci-bot / test")
    if with_keys:
        assert job["conclusion"] == "success"
    else:
        assert job["conclusion"] == "failure"
        assert "restore that file from a backup, or set the secret again" in job["output"]["text"]
    await world.until(lambda: not world.containers(), patience=45)  # what was left is reaped


async def keep_pushing(world: World) -> None:
    for number in range(5):
        await world.push(f"b{number}", ci_yaml=SHORT)
        await asyncio.sleep(0.3)
