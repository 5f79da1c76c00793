"""Somebody who vouched for a commit loses write access: what has not started stops, what runs goes on."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.scenarios.speaking import says
from tests.scenarios.world import World

#: `second` starts after the first job's end, `long` has begun before it and goes on after it.
THREE_JOBS = """\
jobs:
  first:
    steps: [sleep 4]
  long:
    steps: ["sleep 9; echo went on to its end"]
  second:
    needs: first
    steps: [echo second]
"""


async def _running(world: World, count: int) -> None:
    def look() -> bool:
        running = [each for each in world.containers() if each["State"] == "running"]
        return len(running) == count

    await world.until(look)


def _a_minute_passes(world: World, sha: str) -> None:
    """An answer about a person is good for a minute; in the run's record it is one minute older now."""
    database = sqlite3.connect(world.bot.home / "data" / "ci-bot.db", timeout=30)
    try:
        (text,) = database.execute("SELECT vouchers FROM runs WHERE sha = ?", (sha,)).fetchone()
        vouchers = [voucher | {"at": voucher["at"] - 61} for voucher in json.loads(text)]
        database.execute("UPDATE runs SET vouchers = ? WHERE sha = ?", (json.dumps(vouchers), sha))
        database.commit()
    finally:
        database.close()


async def _pull_of_bobs_fork(world: World) -> tuple[int, str]:
    """Bob may write, so what he brings from his fork runs at once."""
    await world.make_repo(private=False)
    await world.forge.collaborator(world.repo, "bob", "write")
    await world.forge.fork(world.repo, "bob")
    sha = await world.forge.push("bob/shop", "mine", {".ci.yaml": THREE_JOBS}, by="bob")
    return await world.open_pull("bob:mine", by="bob"), sha


async def _what_had_not_started_waits(world: World, sha: str) -> None:
    gate = await world.check(sha, conclusion="action_required")
    assert "bob, who vouched for this commit, has no write access any more" in gate["output"]["title"]
    long = await world.check(sha, "ci-bot / long")
    assert long["conclusion"] == "success"
    assert "went on to its end" in await world.log(long)
    checks = await world.ended(sha)
    assert checks["ci-bot / first"] == "success"
    assert checks["ci-bot / second"] == "cancelled"
    assert checks["ci-bot"] == "action_required"


async def test_an_author_who_may_not_write_any_more(world: World) -> None:
    _, sha = await _pull_of_bobs_fork(world)
    await _running(world, 2)
    _a_minute_passes(world, sha)
    await world.forge.remove_collaborator(world.repo, "bob")
    await _what_had_not_started_waits(world, sha)


async def test_an_approver_who_may_not_write_any_more_and_another_one(world: World) -> None:
    await world.make_repo(private=False)
    await world.forge.collaborator(world.repo, "bob", "write")
    await world.forge.fork(world.repo, "mallory")
    sha = await world.forge.push("mallory/shop", "evil", {".ci.yaml": THREE_JOBS}, by="mallory")
    number = await world.open_pull("mallory:evil", by="mallory")
    await world.check(sha)
    await says(world, number, f"/approve {sha}", by="bob")
    await _running(world, 2)
    _a_minute_passes(world, sha)
    await world.forge.remove_collaborator(world.repo, "bob")
    await _what_had_not_started_waits(world, sha)
    await says(world, number, f"/approve {sha}", by="alice")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"
    assert (await world.ended(sha))["ci-bot / second"] == "success"


@pytest.mark.parametrize("answer", [403, 404])
async def test_a_permission_that_cannot_be_read_any_more_is_a_no(world: World, answer: int) -> None:
    _, sha = await _pull_of_bobs_fork(world)
    await _running(world, 2)
    _a_minute_passes(world, sha)
    await world.forge.fault("status", f"GET /repos/{world.repo}/collaborators/bob", status=answer)
    await _what_had_not_started_waits(world, sha)
