"""A team works on its shop: which pushes and pull requests make one run, and which end one."""

from __future__ import annotations

from tests.scenarios.world import PASSING, World


async def test_an_ordinary_run_of_one_job_costs_at_most_eight_calls(world: World) -> None:
    await world.make_repo()
    first = await world.push(warm="up")
    await world.open_pull()
    await world.check(first)  # tokens are minted
    await world.settled()
    since = len(await world.forge.ledger())
    sha = await world.push(second="push")
    await world.check(sha)
    await world.check(sha, "ci-bot / test")
    await world.settled()
    calls = [
        f"{entry['method']} {entry['path']}"
        for entry in (await world.forge.ledger())[since:]
        if entry["kind"] == "api" and entry["who"].startswith("installation")
    ]
    assert 4 < len(calls) <= 8, "\n".join(calls)


async def test_one_head_is_one_run_for_push_and_pull_request(world: World) -> None:
    await world.make_repo()
    sha = await world.push(ci_yaml=PASSING.replace("echo all is well", "echo $CI_EVENT; sleep 1"))
    await world.open_pull()
    job = await world.check(sha, "ci-bot / test", conclusion="success")
    assert "\npull_request\n" in await world.log(job)
    assert await world.ended(sha) == {"ci-bot": "success", "ci-bot / test": "success"}


async def test_a_pipeline_for_pushes_alone_still_runs_on_a_branch_with_a_pull_request(
    world: World,
) -> None:
    await world.make_repo()
    await world.push(first="1")
    await world.open_pull()
    sha = await world.push(ci_yaml=f"on: push\n{PASSING}")
    job = await world.check(sha, "ci-bot / test")
    assert job["conclusion"] == "success"
    assert (await world.check(sha))["conclusion"] == "success"


async def test_closing_a_pull_request_cancels_its_run_and_reopening_starts_it_again(
    world: World,
) -> None:
    await world.make_repo()
    sha = await world.push(ci_yaml=PASSING.replace("echo all is well", "sleep 10"))
    number = await world.open_pull()
    await world.check(sha, "ci-bot / test", until="in_progress")
    await world.forge.change_pull(world.repo, number, by="alice", state="closed")
    assert (await world.check(sha))["conclusion"] == "cancelled"
    await world.forge.change_pull(world.repo, number, by="alice", state="open")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"


async def test_skip_ci_starts_nothing_and_says_so(world: World) -> None:
    await world.make_repo()
    sha = await world.push(message="Fix a typo [skip ci]", readme="typo")
    await world.open_pull()
    gate = await world.check(sha)
    assert gate["conclusion"] == "action_required"
    assert "[skip ci]" in gate["output"]["title"] + gate["output"]["summary"]
    assert await world.ended(sha) == {"ci-bot": "action_required"}


async def test_a_branch_that_is_deleted_is_no_longer_tested(world: World) -> None:
    await world.make_repo()
    sha = await world.push(ci_yaml=PASSING.replace("echo all is well", "sleep 60"))
    await world.check(sha, "ci-bot / test", until="in_progress")
    await world.forge.push_refs(world.repo, ":refs/heads/feature", by="alice")
    assert (await world.check(sha))["conclusion"] == "cancelled"


async def test_a_tag_reports_beside_the_gate(world: World) -> None:
    await world.make_repo()
    sha = await world.push("main", ci_yaml=f"on: [push, tag]\n{PASSING}")
    assert (await world.check(sha))["conclusion"] == "success"
    await world.forge.push_refs(world.repo, "HEAD:refs/tags/v1", by="alice")
    tag = await world.check(sha, "ci-bot (tag)")
    assert tag["conclusion"] == "success"
    assert "CI_TAG" not in tag["output"]["summary"]


async def test_a_changed_base_plans_anew(world: World) -> None:
    await world.make_repo()
    await world.push("release", release="1")
    sha = await world.push(ci_yaml=PASSING.replace("echo all is well", "echo base $CI_BASE_BRANCH"))
    number = await world.open_pull()
    first = await world.check(sha, "ci-bot / test")
    assert "\nbase main\n" in await world.log(first)
    await world.forge.change_pull(world.repo, number, by="alice", base="release")
    second = await world.check(sha, "ci-bot / test", after=first["id"])
    assert "\nbase release\n" in await world.log(second)
