"""Everything at once: people push, close and re-run while the forge fails and the server is killed.

`CI_BOT_CHAOS_SEEDS="3 4 5" CI_BOT_CHAOS_SECONDS=20 pytest tests/scenarios/test_chaos.py` runs others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.forge_sim.client import ForgeCallFailed
from tests.scenarios.invariants import Evidence, Starts, broken, fingerprint
from tests.scenarios.world import World

SEEDS = tuple(int(seed) for seed in os.environ.get("CI_BOT_CHAOS_SEEDS", "1").split())
STORM_SECONDS = float(os.environ.get("CI_BOT_CHAOS_SECONDS", "10"))
WELL_SECONDS = 60.0
FAIR = ("succeeded", "cancelled", "skipped")
QUIET_SECONDS = 6.0  # longer than any part of the server sleeps

COUNTING = """\
on: [push, pull_request]
jobs:
  count:
    timeout: 60s
    steps:
      - |
        echo "head $(cat .git/HEAD)"
        i=0
        while [ $i -lt 60 ]; do
          echo "line $i"
          i=$((i+1))
          [ $((i % 20)) = 0 ] && sleep 0.3
        done
        exit 0
      - echo "head $(cat .git/HEAD)"
  after:
    needs: count
    steps:
      - echo "head $(cat .git/HEAD)"
"""


@dataclass
class Storm:
    """What people do, chosen by one seeded generator; `opened` are pull requests by their branch."""

    world: World
    dice: random.Random
    branches: list[str] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    count: int = 0
    kills: int = 0

    async def rage(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        killing = asyncio.create_task(self._kill_until(until))
        while time.monotonic() < until:
            with contextlib.suppress(
                ForgeCallFailed, aiohttp.ClientError
            ):  # the forge has faults for all
                await self._one_deed()
            await asyncio.sleep(self.dice.uniform(0.05, 0.5))
        await killing

    async def _kill_until(self, until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(self.dice.uniform(0.2, 2.5))
            self.world.bot.process.kill()
            self.kills += 1
            await asyncio.sleep(self.dice.uniform(0.0, 0.5))
            await asyncio.to_thread(self.world.bot.start)

    async def _one_deed(self) -> None:
        deeds = (self._push_new, self._push_again, self._open, self._flap, self._rerun, self._push_main)
        await self.dice.choices(deeds, weights=(2, 3, 4, 2, 3, 1))[0]()

    async def _push_new(self) -> None:
        branch = f"b{len(self.branches)}"
        self.branches.append(branch)
        await self._push(branch)

    async def _push_again(self) -> None:
        if self.branches:
            await self._push(self.dice.choice(self.branches))

    async def _push_main(self) -> None:
        await self._push("main")

    async def _push(self, branch: str) -> None:
        self.count += 1
        await self.world.push(branch, deed=str(self.count))

    async def _open(self) -> None:
        fresh = [branch for branch in self.branches if branch not in self.opened]
        if fresh:
            branch = self.dice.choice(fresh)
            self.opened[branch] = await self.world.open_pull(branch)

    async def _flap(self) -> None:
        """Closes one, and mostly opens it again at once."""
        if not self.opened:
            return
        number = self.dice.choice(list(self.opened.values()))
        world = self.world
        await world.forge.change_pull(world.repo, number, by="alice", state="closed")
        if self.dice.random() < 0.7:
            await asyncio.sleep(self.dice.uniform(0.0, 0.3))
            await world.forge.change_pull(world.repo, number, by="alice", state="open")

    async def _rerun(self) -> None:
        runs = await self._completed()
        if runs:
            await self.world.forge.rerequest(self.world.repo, self.dice.choice(runs), by="alice")

    async def _completed(self) -> list[int]:
        state = await self.world.forge.control("GET", "/state")
        ours = [run for run in state["check_runs"] if run["repo"] == self.world.repo]
        return [run["id"] for run in ours if run["status"] == "completed"]


async def _evidence(world: World, since: int, starts: Starts) -> Evidence:
    state = await world.forge.control("GET", "/state")
    pulls = {
        (pull["repo"], pull["number"]): pull["head"]
        for pull in state["pulls"]
        if pull["repo"] == world.repo and pull["state"] == "open"
    }
    ledger = [entry for entry in await world.forge.ledger(since) if _is_about(entry, world)]
    slug = next(name for name, number in state["apps"].items() if number == world.app_id)
    return Evidence(Path(world.bot.env["CI_BOT_DATA_DIR"]), ledger, slug, list(starts.seen), pulls)


def _is_about(entry: dict[str, object], world: World) -> bool:
    if entry["kind"] == "api":
        return f"/{world.org}/" in str(entry["path"]) and "installation" in str(entry["who"])
    return entry["kind"] != "violation" or f"/{world.org}/" in str(entry["where"])


async def _troubles(world: World) -> None:
    fault = world.forge.fault
    await fault("status", r"^(GET|POST|PATCH) /(repos|app)", probability=0.3, status=502)
    await fault("cut_after", r"^(POST|PATCH) /repos/.*/check-runs", probability=0.1)
    await fault("hook_double", r"^(push|pull_request)", probability=0.2)
    await fault("hook_delay", r"^(push|pull_request)", probability=0.2, seconds=1.5)


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_storm_every_invariant_holds(own_world: World, seed: int) -> None:
    world = own_world
    await world.make_repo(COUNTING)
    since = len(await world.forge.ledger())
    instance = Path(world.bot.env["CI_BOT_DATA_DIR"]) / "instance"
    starts = Starts(instance.read_text().strip())
    try:
        await _troubles(world)
        storm = Storm(world, random.Random(seed))
        await storm.rage(STORM_SECONDS)
        await world.forge.clear_faults()
        await world.forge.quiet(30)
        await _hold(world, since, starts)
        assert _blamed(await _evidence(world, since, starts)) == []
        assert storm.kills
        assert storm.count
    finally:
        starts.close()


async def _hold(world: World, since: int, starts: Starts) -> None:
    """Every invariant within a minute, and then nothing moves any more."""
    deadline = time.monotonic() + WELL_SECONDS
    while found := broken(await _evidence(world, since, starts)):
        assert time.monotonic() < deadline, "\n".join(found)
        await asyncio.sleep(0.5)
    before = fingerprint(await _evidence(world, since, starts))
    await asyncio.sleep(QUIET_SECONDS)
    evidence = await _evidence(world, since, starts)
    assert fingerprint(evidence) == before, "I14: something moved on a quiet system"
    assert broken(evidence) == []


def _blamed(evidence: Evidence) -> list[str]:
    """Every step would have passed: a job that failed was failed by the forge's troubles or by ours."""
    jobs = evidence.truth["jobs"]
    return [f"{job['status']}: {job['reason']}" for job in jobs if job["status"] not in FAIR]
