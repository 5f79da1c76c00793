"""Strangers get nothing: what a fork can and cannot start."""

from __future__ import annotations

from tests.scenarios.world import PASSING, World


async def _fork(world: World, by: str) -> str:
    await world.forge.fork(world.repo, by)
    return f"{by}/shop"


async def test_reopening_a_strangers_pull_request_by_a_maintainer_does_not_run_it(world: World) -> None:
    await world.make_repo(private=False)
    fork = await _fork(world, "mallory")
    sha = await world.forge.push(fork, "evil", {".ci.yaml": PASSING}, by="mallory")
    number = await world.open_pull("mallory:evil", by="mallory")
    await world.check(sha)
    await world.forge.change_pull(world.repo, number, by="alice", state="closed")
    await world.forge.change_pull(world.repo, number, by="alice", state="open")
    await world.settled()
    assert await world.ended(sha) == {"ci-bot": "action_required"}


async def test_a_rerun_of_what_waits_keeps_waiting(world: World) -> None:
    await world.make_repo(private=False)
    fork = await _fork(world, "mallory")
    sha = await world.forge.push(fork, "evil", {".ci.yaml": PASSING}, by="mallory")
    await world.open_pull("mallory:evil", by="mallory")
    gate = await world.check(sha)
    await world.forge.rerequest(world.repo, gate["id"], by="alice")
    again = await world.check(sha, after=gate["id"])
    assert again["conclusion"] == "action_required"
    assert await world.ended(sha) == {"ci-bot": "action_required"}


async def test_a_head_that_a_stranger_pushes_to_a_writers_pull_request_waits(world: World) -> None:
    await world.make_repo(private=False)
    fork = await _fork(world, "alice")
    sha = await world.forge.push(fork, "mine", {"new": "1"}, by="alice")
    await world.open_pull("alice:mine", by="alice")
    await world.check(sha)
    await world.forge.api(
        "PUT", f"/repos/{fork}/collaborators/mallory", {"permission": "push"}, by="alice"
    )
    theirs = await world.forge.push(fork, "mine", {"new": "2"}, by="mallory")
    assert (await world.check(theirs))["conclusion"] == "action_required"


async def test_only_people_with_write_access_may_rerun(world: World) -> None:
    await world.make_repo(PASSING.replace("echo all is well", "exit 1"))
    sha = await world.push("main", again="1")
    gate = await world.check(sha)
    payload = {
        "action": "rerequested",
        "check_run": {"id": gate["id"], "name": "ci-bot", "head_sha": sha, "app": {"id": world.app_id}},
        "repository": await world.forge.api("GET", f"/repos/{world.repo}", by="alice"),
        "sender": await world.forge.api("GET", "/user", by="rita"),
        "installation": {"id": 1},
    }
    assert await world.forge.deliver(world.app_id, "check_run", payload) in (200, 202)
    await world.settled()
    assert (await world.check(sha))["id"] == gate["id"]
