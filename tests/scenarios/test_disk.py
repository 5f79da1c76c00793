"""The disk of the server is nearly full: what runs goes on, what is new waits and says so, until there is room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests import disks
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.speaking import replies, says
from tests.scenarios.world import World

MIB = 1024**2
ORGANISATIONS = count(1)
LONG = """\
jobs:
  test:
    steps:
      - for i in 0 1 2 3 4 5 6 7 8 9; do [ -e go ] && break; sleep 0.5; done; echo to its end
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disks.small_disk(tmp_path / "small", 256) as where:
        yield where


@pytest.fixture
async def cramped(
    forge_url: str, images: None, tmp_path: Path, small_disk: Path
) -> AsyncIterator[World]:
    async with ForgeClient(forge_url) as client:
        bot = await make_bot(
            client,
            tmp_path,
            slug=f"cramped-{tmp_path.name}",
            waiting=shared(),
            CI_BOT_DATA_DIR=str(small_disk / "data"),
            CI_BOT_DISK__FREE_DATA=str(96 * MIB),
        )
        bot.start()
        try:
            world = World(client, bot, f"cramped-{next(ORGANISATIONS)}")
            await world.found()
            await world.make_repo()
            yield world
        finally:
            bot.process.stop()


def get(world: World, path: str) -> tuple[int, str]:
    try:
        with urlopen(world.bot.url + path, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_new_jobs_wait_for_room_and_start_by_themselves(cramped: World, small_disk: Path) -> None:
    assert get(cramped, "/readyz") == (200, "ready\n")
    running = await cramped.push("main", ci_yaml=LONG)
    await cramped.until(cramped.containers)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (180 * MIB))
    await cramped.until(lambda: get(cramped, "/readyz")[0] == 503)
    assert "free for data_dir" in (words := get(cramped, "/readyz")[1]), words
    assert "docker image prune" in words
    assert "\nci_bot_paused 1.0\n" in get(cramped, "/metrics")[1]

    waiting = await cramped.push("other")
    number = await cramped.open_pull("other")
    gate = await cramped.until(lambda: told(cramped, waiting))
    assert gate["output"]["title"] == "Queued: 1 job, waiting for room on the server's disk"
    assert "they start by themselves when there is room" in gate["output"]["summary"]
    await says(cramped, number, "/why")
    (why,) = await replies(cramped, number)
    assert "`test`: ⏳ may start, and waits for room on the server's disk" in why
    assert "they start by themselves when there is room" in why
    first = await cramped.check(running, "ci-bot / test")
    assert first["conclusion"] == "success"
    assert "to its end" in await cramped.log(first)
    assert cramped.containers() == []

    ballast.unlink()
    assert (await cramped.check(waiting))["conclusion"] == "success"
    assert get(cramped, "/readyz") == (200, "ready\n")


async def told(world: World, sha: str) -> dict[str, object] | None:
    for check in await world.forge.checks(world.repo, sha):
        if check["name"] == "ci-bot" and "room" in check["output"]["title"]:
            return dict(check)
    return None


BOMB = """\
jobs:
  test:
    steps:
      - until false; do dd if=/dev/zero of=bomb bs=1M count=400 conv=notrunc 2>/dev/null || sleep 0.2; done
"""


async def test_a_job_that_fills_the_disk_is_ended_and_told_and_the_server_goes_on(
    cramped: World,
) -> None:
    own = await cramped.push("main", ci_yaml=BOMB)
    check = await cramped.check(own, "ci-bot / test", timeout=60)
    assert check["conclusion"] == "failure"
    assert "the job's own files (" in check["output"]["title"], check["output"]
    assert not check["output"]["title"].startswith("Infrastructure")

    async def is_well() -> bool:
        return get(cramped, "/readyz")[0] == 200

    await cramped.until(is_well)
    next_one = await cramped.push("main", ci_yaml=LONG.replace("sleep 0.5", "true"))
    assert (await cramped.check(next_one))["conclusion"] == "success"
