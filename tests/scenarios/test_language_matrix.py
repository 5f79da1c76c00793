"""Matrices and concurrency groups on a real engine: cells, limits, failures, turns, and what a kill leaves."""

from __future__ import annotations

import itertools
from typing import Any

from tests.scenarios.speaking import replies, says
from tests.scenarios.world import World

#: One cell fails as long as the repository says so; no two cells are ever in the same workspace.
MATRIX = """\
on: pull_request
jobs:
  test:
    matrix: {os: [linux, mac], part: [1, 2]}
    max-parallel: 1
    steps:
      - echo "${{ matrix.os }}-${{ matrix.part }} $CI_MATRIX $CI_JOB"
      - test "${{ matrix.os }}" = linux
  hasty:
    matrix: {n: [1, 2]}
    fail-fast: true
    steps:
      - if [ "${{ matrix.n }}" = 1 ]; then exit 3; fi; sleep 300
  after:
    needs: test
    steps: [echo never]
"""
#: `%s`: what to do when the group is full.
DEPLOY = """\
on: push
jobs:
  deploy:
    concurrency: {group: "deploy", when-full: %s}
    steps: [sleep %s]
"""


async def test_cells_run_apart_fail_fast_ends_the_rest_and_one_is_tried_again(world: World) -> None:
    await world.make_repo(MATRIX)
    sha = await world.push("feature", change="1")
    number = await world.open_pull()
    await world.check(sha, conclusion="failure")
    shown = await world.ended(sha)
    assert {name: end for name, end in shown.items() if " / " in name} == {
        "ci-bot / test (linux, 1)": "success",
        "ci-bot / test (linux, 2)": "success",
        "ci-bot / test (mac, 1)": "failure",
        "ci-bot / test (mac, 2)": "failure",
        "ci-bot / hasty (1)": "failure",
        "ci-bot / hasty (2)": "cancelled",
    }
    summary = (await world.check(sha))["output"]["summary"]
    assert "and the matrix is fail-fast" in summary
    assert summary.count("which failed") == 1  # "after" waits for nothing more once a cell has failed
    log = await world.log(await world.check(sha, "ci-bot / test (mac, 1)"))
    assert 'mac-1 {"os": "mac", "part": "1"} test(mac,1)' in log
    began = sorted((check["started_at"], check["completed_at"]) for check in await _cells(world, sha))
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(began))
    await says(world, number, "/retry test(mac,1)")
    again = await world.until(lambda: _attempt(world, sha, "ci-bot / test (mac, 1)", 2))
    assert again["conclusion"] == "failure"
    assert not await _attempt(world, sha, "ci-bot / test (mac, 2)", 2)
    await says(world, number, "/why tset")
    assert 'did you mean "test"' in (await replies(world, number))[-1]


async def _cells(world: World, sha: str) -> list[dict[str, Any]]:
    found = await world.forge.checks(world.repo, sha)
    return [check for check in found if check["name"].startswith("ci-bot / test (")]


async def _attempt(world: World, sha: str, name: str, attempt: int) -> dict[str, Any] | None:
    for check in await world.forge.checks(world.repo, sha):
        title = (check["output"] or {}).get("title") or ""
        if check["name"] == name and check["conclusion"] and f"attempt {attempt}" in title:
            return dict(check)
    return None


async def test_pushes_of_one_group_queue_and_a_killed_server_leaks_no_place(own_world: World) -> None:
    world = own_world
    await world.make_repo(DEPLOY % ("queue", "$(cat seconds)"), seconds="15")
    first = await world.push("one", change="1")
    await world.until(world.containers)
    second = await world.push("two", seconds="0")
    why = "takes 1 at a time"
    await world.until(lambda: _says(world, second, why))
    world.bot.process.kill()
    world.bot.start()
    assert (await world.check(first))["conclusion"] == "success"
    done = await world.check(second)
    assert done["conclusion"] == "success"
    assert why not in done["output"]["summary"]
    ends = [(await world.check(sha, "ci-bot / deploy")) for sha in (first, second)]
    assert ends[0]["completed_at"] <= ends[1]["started_at"]


async def test_the_newest_push_of_a_group_takes_the_place_of_older_ones(world: World) -> None:
    await world.make_repo(DEPLOY % ("cancel-older", "$(cat seconds)"), seconds="300")
    first = await world.push("one", change="1")
    await world.until(world.containers)
    second = await world.push("two", seconds="0")
    assert (await world.check(second))["conclusion"] == "success"
    gone = await world.check(first)
    assert gone["conclusion"] == "cancelled"
    assert f"the newer run of {second[:7]} takes its place" in gone["output"]["title"]


async def _says(world: World, sha: str, words: str) -> bool:
    found = await world.forge.checks(world.repo, sha)
    return any(words in (check["output"] or {}).get("summary", "") for check in found)
