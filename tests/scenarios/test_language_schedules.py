"""Jobs that start at certain times, over restarts; and jobs that deploy, shown as deployments."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp

from tests.forge_sim.client import PERMISSIONS
from tests.scenarios.operating import cli
from tests.scenarios.world import World

NIGHT = """\
on:
  push:
  schedule:
    - cron: "{}"
    - cron: "{}"
    - cron: "{}"
jobs:
  nightly:
    steps:
      - echo "$CI_EVENT of $CI_BRANCH by $CI_ACTOR"
"""
DEPLOYING = """\
jobs:
  good:
    environment: staging
    steps: [sleep 1]
  bad:
    environment: production
    steps: [exit 3]
"""
ENDS = ("success", "failure", "error")


async def test_a_schedule_survives_kills_runs_once_and_is_stopped_by_lost_permission(
    own_world: World,
) -> None:
    world = own_world
    now = time.time() // 60 * 60
    first, second, third = ((now - hours * 3600, _cron(now - hours * 3600)) for hours in (2, 3, 4))
    await world.make_repo(None)
    await world.forge.collaborator(world.repo, "bob", "write")
    sha = await world.push("main", by="bob", ci_yaml=NIGHT.format(first[1], second[1], third[1]))
    gate = await world.check(sha)

    # The server is down when it is due, and is killed again right after it is back.
    world.bot.process.kill()
    _was_due(world, *first)
    world.bot.start()
    world.bot.process.kill()
    world.bot.start()
    late = await world.check(sha, _check(first))
    assert late["conclusion"] == "success"
    assert "late: the server was down." in late["output"]["summary"]
    assert "schedule of main by bob" in await world.log(
        await world.check(sha, f"{_check(first)} / nightly")
    )
    assert (await world.check(sha))["id"] == gate["id"]  # the gate is left alone
    _restart(world)
    assert _moments_that_ran(world) == [first[0]]
    shown = cli(world, "schedules", "--repo", world.repo)
    assert f'"{first[1]}" of main  (line 4 at {sha[:7]}, by @bob)' in shown
    assert f"tests {sha[:7]}: due " in shown

    # Bob may not write any more: what he brought starts nothing, and says who would help.
    await world.forge.remove_collaborator(world.repo, "bob")
    world.bot.process.stop()
    _was_due(world, *second)
    world.bot.start()
    stopped = await world.check(sha, _check(second), conclusion="action_required")
    assert "bob has no write access to this repository" in stopped["output"]["title"]
    assert "schedule" in cli(world, "audit", "--repo", world.repo, "--action", "schedule")

    # Alice's push takes it over.
    head = await world.push("main", by="alice", a="1")
    await world.check(head)
    world.bot.process.stop()
    _was_due(world, *third)
    world.bot.start()
    assert (await world.check(head, _check(third)))["conclusion"] == "success"


async def test_a_job_that_deploys_is_a_deployment_where_the_app_may_say_so(world: World) -> None:
    await world.make_repo(DEPLOYING)
    refused = await world.push(a="1")
    await world.check(refused)
    check = await world.check(refused, "ci-bot / good")
    assert check["conclusion"] == "success"  # it never fails the job
    assert (
        "No deployment to `staging` is shown: the App is not granted deployments: write"
        in (check["output"]["summary"])
    )

    granted = {"permissions": {**PERMISSIONS, "deployments": "write"}}
    await world.forge.control("PATCH", f"/installations/{world.installation}", granted)
    sha = await world.push(a="2")
    await world.check(sha)

    await world.ended(sha)

    async def ends() -> dict[str, list[dict[str, Any]]] | None:
        found = await world.forge.deployments(world.repo, sha)
        return (
            dict(found) if all(states and states[-1]["state"] in ENDS for _, states in found) else None
        )

    shown = await world.until(ends)
    assert [one["state"] for one in shown["staging"]] == ["in_progress", "success"]
    assert shown["production"][-1]["state"] == "failure"
    job = await world.check(sha, "ci-bot / good")
    assert {one["log_url"] for one in shown["staging"]} == {job["details_url"]}
    assert len(await world.forge.deployments(world.repo, sha)) == 2  # one for each attempt
    assert await world.forge.deployments(world.repo, refused) == []

    async with aiohttp.ClientSession() as session:
        page = f"{world.forge.url}/{world.repo}/commit/{sha}"
        async with session.get(page) as answer:
            text = await answer.text()
    assert "Deployments" in text
    assert "staging" in text


# ── the clock ────────────────────────────────────────────────────────────────────────────────


def _cron(at: float) -> str:
    then = time.gmtime(at)
    return f"{then.tm_min} {then.tm_hour} * * *"


def _check(schedule: tuple[float, str]) -> str:
    return f"ci-bot (schedule {schedule[1]})"


def _was_due(world: World, moment: float, cron: str) -> None:
    """As if nobody had looked since: in the table, which is the truth, its moment is in the past."""
    with closing(sqlite3.connect(_database(world), timeout=30)) as connection, connection:
        changed = connection.execute("UPDATE schedules SET due_at = ? WHERE cron = ?", (moment, cron))
        assert changed.rowcount == 1


def _moments_that_ran(world: World) -> list[float]:
    with closing(sqlite3.connect(_database(world), timeout=30)) as connection:
        rows = connection.execute("SELECT key FROM runs WHERE kind = 'schedule'").fetchall()
    return [float(key.rsplit("@", 1)[1]) for (key,) in rows]


def _database(world: World) -> Path:
    return world.bot.home / "data" / "ci-bot.db"


def _restart(world: World) -> None:
    world.bot.process.stop()
    world.bot.start()
