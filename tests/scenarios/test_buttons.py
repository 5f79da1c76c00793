"""The buttons on completed checks: "Re-run failed", "Re-run all", "Re-run job"; and who may press them."""

from __future__ import annotations

from collections import Counter

from tests.scenarios.world import World

#: `flaky` fails the first time and passes the second, `after` needs it, `good` passes each time.
FLAKY = """\
jobs:
  good:
    steps: [echo good]
  flaky:
    steps: ['test "$CI_ATTEMPT" -gt 1']
  after:
    needs: flaky
    steps: [echo after]
"""


async def _failed(world: World) -> tuple[str, int]:
    """The sha of a pull request's head that failed, and the id of its gate."""
    await world.make_repo(FLAKY)
    sha = await world.push(new="1")
    await world.open_pull()
    gate = await world.check(sha)
    assert gate["conclusion"] == "failure"
    await world.settled()
    return sha, int(gate["id"])


async def _attempts(world: World, sha: str) -> Counter[str]:
    """How many check runs of each name there are: what is completed is final, a new attempt is a new one.

    The run of the push, which the pull request's superseded, may have got as far as having some.
    """
    every = await world.forge.checks(world.repo, sha, all_attempts=True)
    return Counter(check["name"] for check in every)


async def test_rerun_failed_reuses_what_passed(world: World) -> None:
    sha, gate = await _failed(world)
    before = await _attempts(world, sha)
    await world.forge.press(world.repo, gate, "retry-failed", by="alice")
    again = await world.check(sha, after=gate)
    assert again["conclusion"] == "success"
    await world.ended(sha)
    new = await _attempts(world, sha) - before
    assert new["ci-bot / good"] == 0
    assert new["ci-bot / flaky"] == 1
    assert (await world.check(sha, "ci-bot / after"))["conclusion"] == "success"


async def test_rerun_all_runs_everything_again(world: World) -> None:
    sha, gate = await _failed(world)
    before = await _attempts(world, sha)
    await world.forge.press(world.repo, gate, "retry-all", by="alice")
    again = await world.check(sha, after=gate)
    assert again["conclusion"] == "success"
    await world.ended(sha)
    new = await _attempts(world, sha) - before
    assert new["ci-bot / good"] == 1
    assert new["ci-bot / flaky"] == 1


async def test_the_button_of_one_job_runs_it_and_what_needs_it(world: World) -> None:
    sha, gate = await _failed(world)
    before = await _attempts(world, sha)
    job = await world.check(sha, "ci-bot / flaky")
    await world.forge.press(world.repo, job["id"], "retry-all", by="alice")
    assert (await world.check(sha, after=gate))["conclusion"] == "success"
    await world.ended(sha)
    assert (await _attempts(world, sha) - before)["ci-bot / good"] == 0


async def test_who_may_not_write_presses_in_vain(world: World) -> None:
    sha, gate = await _failed(world)
    before = await _attempts(world, sha)
    for person in ("rita", "mallory"):
        for button in ("retry-failed", "retry-all"):
            await world.forge.press(world.repo, gate, button, by=person)
    await world.settled()
    assert await _attempts(world, sha) == before
    assert (await world.check(sha))["id"] == gate
    told = world.bot.process.tail(200_000)
    assert "@rita has no write access and may not press" in told
