"""Branch protection on: the merge button follows the one check, whatever is renamed, removed or broken."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.forge_sim.client import ForgeCallFailed
from tests.rig import ROOT
from tests.scenarios.world import PASSING, World

FAILING = PASSING.replace("echo all is well", "exit 3")


def doctor(world: World) -> str:
    """What `ci-bot doctor --repo` says of the gate, and of nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "ci_bot", "doctor", "--repo", world.repo],
        cwd=ROOT,
        env=os.environ | world.bot.env,
        capture_output=True,
        text=True,
        check=False,
    )
    return "\n".join(line for line in done.stdout.splitlines() if " gate " in line)


async def may_merge(world: World, number: int) -> bool:
    try:
        await world.forge.merge(world.repo, number, by="alice")
    except ForgeCallFailed as refused:
        if refused.status != 405:
            raise
        return False
    return True


async def protected(world: World, ci_yaml: str | None = PASSING) -> None:
    await world.make_repo(ci_yaml)
    await world.forge.protect(world.repo, "ci-bot", by="alice", app_id=world.app_id)


@pytest.mark.parametrize(
    ("situation", "ci_yaml", "message", "conclusion"),
    [
        ("passes", PASSING + "# the same\n", "Change", "success"),
        ("fails", FAILING, "Change", "failure"),
        ("renamed", PASSING.replace("test:", "unit:"), "Change", "success"),
        ("renamed and fails", FAILING.replace("test:", "unit:"), "Change", "failure"),
        ("broken", "jobs: {test: {step: [x]}}\n", "Change", "failure"),
        ("removed", None, "Change", "failure"),
        ("nothing to run", "on: tag\n" + PASSING, "Change", "success"),
        ("skipped on request", PASSING + "# more\n", "Change [skip ci]", "action_required"),
    ],
)
async def test_the_button_follows_the_gate(
    world: World, situation: str, ci_yaml: str | None, message: str, conclusion: str
) -> None:
    await protected(world)
    sha = await world.push(ci_yaml=ci_yaml, message=message)
    number = await world.open_pull()
    assert (await world.check(sha))["conclusion"] == conclusion, situation
    assert await may_merge(world, number) == (conclusion == "success")


async def test_a_green_head_does_not_vouch_for_the_next_one(world: World) -> None:
    await protected(world)
    first = await world.push(new="1")
    number = await world.open_pull()
    assert (await world.check(first))["conclusion"] == "success"
    second = await world.push(ci_yaml=FAILING)
    assert not await may_merge(world, number)
    assert (await world.check(second))["conclusion"] == "failure"
    assert not await may_merge(world, number)


async def test_what_runs_or_waits_blocks(world: World) -> None:
    await protected(world)
    sha = await world.push(ci_yaml=PASSING.replace("echo", "sleep 5; echo"))
    number = await world.open_pull()
    await world.forge.wait_check(world.repo, sha, "ci-bot", until="in_progress")
    assert not await may_merge(world, number)
    assert (await world.check(sha))["conclusion"] == "success"
    assert await may_merge(world, number)


async def test_no_configuration_anywhere_is_silent(world: World) -> None:
    await protected(world, None)
    sha = await world.push(new="1")
    number = await world.open_pull()
    await world.settled()
    assert await world.checks(sha) == {}
    assert not await may_merge(world, number)


async def test_doctor_says_what_gates_merges(world: World) -> None:
    await world.make_repo()
    assert "nothing requires ci-bot on main" in doctor(world)
    await world.forge.protect(world.repo, "ci-bot", "ci-bot / test", by="alice")
    told = doctor(world)
    assert "from any source" in told
    assert "ci-bot / test is required on main" in told
    await world.forge.protect(world.repo, "ci-bot", by="alice", app_id=world.app_id)
    assert "ci-bot is required on main, from this App" in doctor(world)
