"""Branch protection on: the merge button follows the one check, whatever is renamed, removed or broken."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.forge_sim.client import ForgeCallFailed
from tests.preloaded import ci_bot
from tests.rig import ROOT
from tests.scenarios.world import PASSING, World

FAILING = PASSING.replace("echo all is well", "exit 3")


def doctor(world: World) -> str:
    """What `ci-bot doctor --repo` says of the gate, and of nothing else."""
    done = subprocess.run(
        ci_bot("doctor", "--repo", world.repo),
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


async def test_a_job_that_ran_out_of_time_blocks_and_says_so(world: World) -> None:
    await protected(world)
    text = "jobs:\n  test:\n    timeout: 2s\n    steps: [sleep 60]\n"
    sha = await world.push(ci_yaml=text)
    number = await world.open_pull()
    gate = await world.check(sha)
    assert gate["conclusion"] == "timed_out"
    assert "timed out" in gate["output"]["title"].lower()
    assert (await world.check(sha, "ci-bot / test"))["conclusion"] == "timed_out"
    assert not await may_merge(world, number)


async def test_what_a_person_cancelled_blocks_and_says_who(world: World) -> None:
    await protected(world)
    sha = await world.push(ci_yaml=PASSING.replace("echo all is well", "sleep 60"))
    number = await world.open_pull()
    await world.until(lambda: any(each["State"] == "running" for each in world.containers()))
    await world.forge.comment(world.repo, number, "/cancel", by="alice")
    gate = await world.check(sha)
    assert gate["conclusion"] == "cancelled"
    assert "cancelled by" in gate["output"]["title"].lower()
    assert "alice" in gate["output"]["title"]
    assert not await may_merge(world, number)


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


async def test_a_merge_queue_is_answered_on_its_own_sha(world: World) -> None:
    text = "on: [push, pull_request, merge_group]\n" + PASSING
    await world.make_repo(text)
    await world.forge.ruleset(world.repo, "ci-bot", app_id=world.app_id, merge_queue=True)
    sha = await world.push(new="1")
    number = await world.open_pull()
    assert (await world.check(sha))["conclusion"] == "success"
    assert "merge queue needs merge_group" in doctor(world)
    await world.forge.queue_pull(world.repo, number, by="alice")

    async def merged() -> bool:
        return bool((await world.forge.pull(world.repo, number, by="alice"))["merged"])

    assert await world.until(merged)


async def test_a_stranger_who_waits_blocks_until_exactly_this_head_is_approved(world: World) -> None:
    await world.make_repo(private=False)
    await world.forge.protect(world.repo, "ci-bot", by="alice", app_id=world.app_id)
    await world.forge.fork(world.repo, "mallory")
    sha = await world.forge.push("mallory/shop", "evil", {"new": "1"}, by="mallory")
    number = await world.open_pull("mallory:evil", by="mallory")
    assert (await world.check(sha))["conclusion"] == "action_required"
    assert not await may_merge(world, number)
    await world.forge.comment(world.repo, number, f"/approve {sha}", by="alice")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"
    assert await may_merge(world, number)


async def test_deleting_the_comment_that_approved_stops_what_has_not_started(world: World) -> None:
    await world.make_repo(private=False)
    await world.forge.fork(world.repo, "mallory")
    text = "jobs:\n  one:\n    steps: [sleep 6]\n  two:\n    needs: one\n    steps: [echo two]\n"
    sha = await world.forge.push("mallory/shop", "evil", {".ci.yaml": text}, by="mallory")
    number = await world.open_pull("mallory:evil", by="mallory")
    await world.check(sha)
    comment = await world.forge.comment(world.repo, number, f"/approve {sha}", by="alice")
    await world.until(lambda: any(each["State"] == "running" for each in world.containers()))
    await world.forge.delete_comment(world.repo, comment["id"], by="alice")
    gate = await world.check(sha, conclusion="action_required")
    assert "withdrew the approval" in gate["output"]["title"]
