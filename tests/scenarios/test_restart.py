"""The server is killed, stopped and started again; the builds do not notice, and nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import docker
import pytest

from tests.scenarios.world import World

LINES = 400


def long_job(exit_code: int = 0) -> str:
    """Writes numbered lines for about two seconds, leaves a mark in the workspace, and exits."""
    return f"""\
jobs:
  test:
    steps:
      - name: long
        run: |
          echo started >> marks
          i=0
          while [ $i -lt {LINES} ]; do
            echo "line $i"
            i=$((i+1))
            if [ $((i % 40)) = 0 ]; then sleep 0.2; fi
          done
          wc -l < marks
          exit {exit_code}
      - name: after
        run: echo "marks $(wc -l < marks)"
"""


async def _running(world: World, yaml: str) -> str:
    """A run whose first step has begun to write; the sha."""
    await world.make_repo()
    sha = await world.push("main", ci_yaml=yaml)
    await world.until(lambda: any(one["State"] == "running" for one in world.containers()))
    await asyncio.sleep(0.3)
    return sha


def _numbers(log: str) -> list[int]:
    return [int(line.split()[1]) for line in log.splitlines() if line.startswith("line ")]


@pytest.mark.parametrize("exit_code", [0, 7])
async def test_killed_in_mid_step_the_next_server_adopts_the_container(
    own_world: World, exit_code: int
) -> None:
    world = own_world
    sha = await _running(world, long_job(exit_code))
    (before,) = [one["Id"] for one in world.containers() if one["State"] == "running"]
    world.bot.process.kill()
    await asyncio.sleep(0.5)
    (still,) = [one["Id"] for one in world.containers() if one["State"] == "running"]
    assert still == before
    world.bot.start()
    gate = await world.check(sha)
    assert gate["conclusion"] == ("success" if exit_code == 0 else "failure")
    job = await world.check(sha, "ci-bot / test")
    log = await world.log(job)
    assert _numbers(log) == list(range(LINES))
    if exit_code == 0:
        assert "\nmarks 1\n" in log  # the step ran once
    else:
        assert f"exit code {exit_code}" in job["output"]["title"]
    await world.until(lambda: not world.containers())


async def test_a_step_that_ended_while_no_server_ran_counts_with_its_own_exit_code(
    own_world: World,
) -> None:
    world = own_world
    sha = await _running(world, long_job(5))
    world.bot.process.kill()
    await world.until(lambda: any(one["State"] == "exited" for one in world.containers()))
    world.bot.start()
    job = await world.check(sha, "ci-bot / test")
    assert job["conclusion"] == "failure"
    assert "exit code 5" in job["output"]["title"]
    assert _numbers(await world.log(job)) == list(range(LINES))


async def test_killed_between_the_answer_and_the_run_the_event_is_not_lost(own_world: World) -> None:
    world = own_world
    await world.make_repo()
    # While the configuration cannot be read, the event stays undecided.
    await world.forge.fault("status", r"GET /repos/.*/contents/", status=503)
    sha = await world.push("main", again="1")
    await world.forge.quiet()
    assert await world.checks(sha) == {}
    world.bot.process.kill()
    await world.forge.clear_faults()
    world.bot.start()
    assert (await world.check(sha))["conclusion"] == "success"


async def test_killed_between_the_check_and_the_storing_of_its_id_there_is_one_check(
    own_world: World,
) -> None:
    world = own_world
    await world.make_repo()
    await world.forge.fault("cut_after", r"POST /repos/.*/check-runs$", times=1)
    sha = await world.push("main", again="1")
    await world.until(lambda: _has_checks(world, sha))
    world.bot.process.kill()
    world.bot.start()
    assert (await world.check(sha))["conclusion"] == "success"
    assert (await world.check(sha, "ci-bot / test"))["conclusion"] == "success"
    every = await world.forge.checks(world.repo, sha, all_attempts=True)
    assert sorted(check["name"] for check in every) == ["ci-bot", "ci-bot / test"]


async def _has_checks(world: World, sha: str) -> bool:
    return bool(await world.checks(sha))


async def test_a_vanished_container_is_an_infrastructure_failure_and_begins_anew_visibly(
    own_world: World,
) -> None:
    world = own_world
    sha = await _running(world, long_job())
    world.bot.process.kill()
    client = docker.APIClient()
    for one in world.containers():
        client.remove_container(one["Id"], force=True)
    client.close()
    world.bot.start()
    job = await world.check(sha, "ci-bot / test", timeout=60)
    assert job["conclusion"] == "success"
    assert job["output"]["title"].endswith("tried again once after infrastructure failures")
    assert "has vanished" in job["output"]["summary"]


async def test_stopped_by_its_operator_the_server_leaves_its_builds_alone(own_world: World) -> None:
    world = own_world
    sha = await _running(world, long_job())
    assert world.bot.process.stop() == 0
    assert any(one["State"] == "running" for one in world.containers())
    world.bot.start()
    assert (await world.check(sha))["conclusion"] == "success"
    assert _numbers(await world.log(await world.check(sha, "ci-bot / test"))) == list(range(LINES))


async def test_leftovers_of_a_job_that_is_no_more_are_removed_at_start(own_world: World) -> None:
    world = own_world
    sha = await _running(world, long_job())
    world.bot.process.kill()
    data = Path(world.bot.env["CI_BOT_DATA_DIR"])
    for file in data.glob("ci-bot.db*"):
        file.unlink()
    world.bot.start()
    await world.until(lambda: not world.containers())
    await world.until(lambda: not list((data / "jobs").iterdir()))
    assert (await world.checks(sha))["ci-bot"] == "in_progress"  # nobody knows of it any more
