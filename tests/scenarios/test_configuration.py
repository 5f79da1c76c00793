"""What the gate says about `.ci.yaml` itself, each row of the table that needs no failing job."""

from __future__ import annotations

import re

from tests.rig import ROOT
from tests.scenarios.world import PASSING, World

BROKEN = """\
jobs:
  build:
    step:
      - make
  test:
    steps:
      - make test
    needs: biuld
"""


async def test_errors_stand_on_their_lines(world: World) -> None:
    await world.make_repo()
    sha = await world.push(ci_yaml=BROKEN)
    number = await world.open_pull()
    gate = await world.check(sha)
    assert gate["conclusion"] == "failure"
    annotations = await world.forge.annotations(world.repo, gate["id"])
    assert {(one["path"], one["start_line"]) for one in annotations} >= {
        (".ci.yaml", 3),
        (".ci.yaml", 8),
    }
    assert 'did you mean "steps"?' in str(annotations)
    assert 'did you mean "steps"?' in await world.comment(number)
    assert world.containers() == []


async def test_a_repository_without_configuration_hears_nothing(world: World) -> None:
    await world.make_repo(None)
    sha = await world.push(readme="2")
    number = await world.open_pull()
    await world.settled()
    assert await world.checks(sha) == {}
    assert await world.forge.statuses(world.repo, sha) == []
    assert await world.forge.comments(world.repo, number) == []


async def test_removing_the_configuration_is_a_failure(world: World) -> None:
    await world.make_repo()
    sha = await world.push(ci_yaml=None)
    await world.open_pull()
    gate = await world.check(sha)
    assert gate["conclusion"] == "failure"
    assert ".ci.yaml" in gate["output"]["title"]


async def test_nothing_selected_is_a_success_with_the_reason(world: World) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=f"on: tag\n{PASSING}")
    gate = await world.check(sha)
    assert gate["conclusion"] == "success"
    assert '"on" names tag, not push' in gate["output"]["summary"]
    assert await world.ended(sha) == {"ci-bot": "success"}


async def test_the_other_file_name_works_too(world: World) -> None:
    await world.make_repo(None, ci_yml=PASSING)
    sha = await world.push("main", readme="2")
    assert (await world.check(sha))["conclusion"] == "success"


async def test_a_job_whose_need_failed_is_skipped_and_the_gate_fails(world: World) -> None:
    pipeline = "jobs:\n  a:\n    steps: [exit 1]\n  b:\n    needs: a\n    steps: [echo never]\n"
    await world.make_repo(pipeline)
    sha = await world.push("main", readme="2")
    gate = await world.check(sha)
    assert gate["conclusion"] == "failure"
    assert "needs" in gate["output"]["summary"]


async def test_the_seeds_example_runs_in_order(world: World) -> None:
    """As it is but for the images: the one here has a `go` and a `docker` that say what they were told."""
    seed = (ROOT / "examples" / "seed" / ".ci.yaml").read_text()
    here = re.sub(r"image: .*", "image: ci-bot/recorder:1", seed)
    await world.make_repo(here)
    sha = await world.push("main", readme="2")
    assert (await world.check(sha))["conclusion"] == "success"
    build, deploy = [await world.check(sha, f"ci-bot / {name}") for name in ("build", "deploy")]
    assert build["completed_at"] <= deploy["started_at"]
    for check, commands in (
        (build, ["go mod tidy", "go test ./..."]),
        (deploy, ["docker build -t app .", "docker push app"]),
    ):
        lines = (await world.log(check)).splitlines()
        assert [line for line in lines if line in commands] == commands
