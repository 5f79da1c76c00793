"""The forge is down, slow, or says no; builds do not fail for it and no result is lost."""

from __future__ import annotations

from tests.forge_sim.client import PERMISSIONS
from tests.scenarios.world import PASSING, World


async def test_a_webhook_that_comes_twice_is_one_run(world: World) -> None:
    await world.make_repo()
    await world.forge.fault("hook_double", "push", times=1)
    sha = await world.push("main", again="1")
    await world.check(sha)
    await world.settled()
    every = await world.forge.checks(world.repo, sha, all_attempts=True)
    assert sorted(check["name"] for check in every) == ["ci-bot", "ci-bot / test"]


async def test_where_no_checks_may_be_written_statuses_are(world: World) -> None:
    await world.make_repo()
    permissions = {name: level for name, level in PERMISSIONS.items() if name != "checks"}
    await world.forge.control(
        "PATCH", f"/installations/{world.installation}", {"permissions": permissions}
    )
    sha = await world.push("main", again="1")
    await world.until(lambda: _succeeded(world, sha))
    statuses = {one["context"]: one for one in await world.forge.statuses(world.repo, sha)}
    assert set(statuses) == {"ci-bot", "ci-bot / test"}
    assert statuses["ci-bot"]["description"]


async def _succeeded(world: World, sha: str) -> bool:
    found = {one["context"]: one["state"] for one in await world.forge.statuses(world.repo, sha)}
    return found.get("ci-bot") == "success" and found.get("ci-bot / test") == "success"


async def test_a_renamed_repository_is_still_the_same(world: World) -> None:
    await world.make_repo()
    await world.check(await world.push("main", again="1"))
    await world.forge.api("PATCH", f"/repos/{world.repo}", {"name": "store"}, by="alice")
    sha = await world.forge.push(f"{world.org}/store", "main", {"more": "2"}, by="alice")
    gate = await world.forge.wait_check(f"{world.org}/store", sha, "ci-bot")
    assert gate["conclusion"] == "success"


async def test_installing_on_repositories_with_a_past_starts_nothing(world: World) -> None:
    for number in range(5):
        name = f"{world.org}/old-{number}"
        await world.forge.repo(name, {".ci.yaml": PASSING}, collaborators={"alice": "write"})
    app = await world.forge.app("late", webhook_url=world.bot.hook)
    await world.forge.install(app["id"], world.org)
    await world.settled()
    for number in range(5):
        head = await world.forge.api("GET", f"/repos/{world.org}/old-{number}/commits/main", by="alice")
        found = await world.forge.checks(f"{world.org}/old-{number}", head["sha"])
        assert found == []


async def test_a_clone_that_fails_for_a_while_delays_the_job_and_does_not_fail_it(world: World) -> None:
    await world.make_repo()
    await world.check(await world.push("main", warm="up"))
    await world.forge.fault("hook_delay", "push", times=1, seconds=1.5)
    sha = await world.push("main", again="1")
    await world.forge.fault("status", r"/shop\.git/", times=2, status=503)
    assert (await world.check(sha))["conclusion"] == "success"


async def test_a_close_that_comes_after_the_reopening_cancels_nothing(world: World) -> None:
    await world.make_repo()
    sha = await world.push(ci_yaml=PASSING.replace("echo all is well", "sleep 2"))
    number = await world.open_pull()
    await world.check(sha, "ci-bot / test", until="in_progress")
    await world.forge.fault("hook_delay", "pull_request.closed", times=1, seconds=1.0)
    await world.forge.change_pull(world.repo, number, by="alice", state="closed")
    await world.forge.change_pull(world.repo, number, by="alice", state="open")
    assert (await world.check(sha))["conclusion"] == "success"


async def test_a_rerun_after_a_conclusion_whose_answer_was_lost(world: World) -> None:
    await world.make_repo("jobs:\n  bad:\n    steps: [exit 1]\n")
    sha = await world.push("main", again="1")
    gate = await world.check(sha)
    await world.forge.fault("cut_after", r"PATCH /repos/.*/check-runs", times=2)
    await world.forge.rerequest(world.repo, gate["id"], by="alice")
    again = await world.check(sha, after=gate["id"])
    await world.forge.rerequest(world.repo, again["id"], by="alice")
    await world.until(lambda: _is_at_attempt(world, sha, 3))
    assert set((await world.ended(sha)).values()) == {"failure"}


async def _is_at_attempt(world: World, sha: str, number: int) -> bool:
    job = await world.check(sha, "ci-bot / bad")
    return f"attempt {number}" in (job["output"]["title"] + job["output"]["summary"]).lower()
