"""People steer ci-bot from the pull request: `/approve` and `/run`; what is so on GitLab, too, is told in `test_on_both_forges.py`."""

from __future__ import annotations

from tests.scenarios.speaking import reacted, replies, says, stranger
from tests.scenarios.world import PASSING, World


async def test_an_approved_sha_runs_and_the_next_one_waits(world: World) -> None:
    number, sha = await stranger(world)
    comment = await says(world, number, f"Looks fine to me.\n/approve {sha}")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"
    assert {"eyes", "rocket"} <= set(await reacted(world, comment, "rocket"))
    later = await world.forge.push("mallory/shop", "evil", {"more": "1"}, by="mallory")
    assert (await world.check(later))["conclusion"] == "action_required"
    assert await world.ended(later) == {"ci-bot": "action_required"}


async def test_what_waits_says_what_to_look_at_and_how_to_approve(world: World) -> None:
    number, sha = await stranger(world, PASSING.replace("echo all", "sh evil.sh; echo all"))
    gate = await world.check(sha)
    summary = gate["output"]["summary"]
    assert f"/approve {sha}" in summary
    assert 'changes job "test": scripts' in summary
    assert f"/approve {sha}" in await world.comment(number)


async def test_the_button_approves_the_sha_of_its_check(world: World) -> None:
    _, sha = await stranger(world)
    gate = await world.check(sha)
    await world.forge.press(world.repo, gate["id"], "approve", by="rita")
    await world.settled()
    assert (await world.check(sha))["conclusion"] == "action_required"
    await world.forge.press(world.repo, gate["id"], "approve", by="alice")
    assert (await world.check(sha, conclusion="success"))["conclusion"] == "success"


async def test_nobody_approves_their_own_pull_request(world: World) -> None:
    number, sha = await stranger(world)
    await world.forge.api(
        "PUT",
        f"/repos/{world.repo}/collaborators/mallory",
        {"permission": "push"},
        by="alice",
    )
    comment = await says(world, number, f"/approve {sha}", by="mallory")
    assert "-1" in await reacted(world, comment, "-1")
    assert "their own pull request" in (await replies(world, number))[0]
    assert (await world.check(sha))["conclusion"] == "action_required"


async def test_a_bare_approval_right_after_a_push_gets_the_line_to_paste(world: World) -> None:
    number, sha = await stranger(world)
    await says(world, number, "/approve")
    (reply,) = await replies(world, number)
    assert f"/approve {sha}" in reply
    assert (await world.check(sha))["conclusion"] == "action_required"


async def test_strangers_are_turned_away_once(world: World) -> None:
    number, sha = await stranger(world)
    for _ in range(3):
        comment = await says(world, number, f"/approve {sha}", by="mallory")
        assert "-1" in await reacted(world, comment, "-1")
    assert len(await replies(world, number)) == 1
    assert (await world.check(sha))["conclusion"] == "action_required"


async def test_an_edited_comment_does_not_command(world: World) -> None:
    number, sha = await stranger(world)
    comment = await says(world, number, "nice work")
    await world.forge.edit_comment(world.repo, comment, f"/approve {sha}", by="alice")
    await world.settled()
    assert (await world.check(sha))["conclusion"] == "action_required"


async def own(world: World, ci_yaml: str) -> tuple[int, str]:
    await world.make_repo(ci_yaml)
    sha = await world.push(new="1")
    return await world.open_pull(), sha


async def test_run_starts_one_job_beside_the_gate(world: World) -> None:
    number, sha = await own(world, PASSING + "  other:\n    steps: [exit 9]\n")
    gate = await world.check(sha)
    await says(world, number, "/run test")
    manual = await world.check(sha, "ci-bot (manual)")
    assert manual["conclusion"] == "success"
    assert (await world.check(sha))["id"] == gate["id"]


DEPLOY = """\
on:
  push:
  pull_request:
  manual:
    inputs:
      target: {options: [staging, production]}
      note: {default: none}
jobs:
  deploy:
    env: {TARGET: "${{ inputs.target }}", NOTE: "${{ inputs.note }}"}
    steps:
      - echo "to <$TARGET> with <$NOTE>"
"""


async def test_run_takes_inputs_and_a_value_is_never_part_of_a_script(world: World) -> None:
    number, sha = await own(world, DEPLOY)
    await world.check(sha)
    assert "to <> with <none>" in await world.log(await world.check(sha, "ci-bot / deploy"))
    await says(world, number, "/run deploy target=staging note=a';id;echo'")
    manual = await world.check(sha, "ci-bot (manual)")
    assert manual["conclusion"] == "success"
    log = await world.log(await world.check(sha, "ci-bot (manual) / deploy"))
    assert "to <staging> with <a';id;echo'>" in log
    assert "uid=" not in log


async def test_inputs_that_will_not_do_start_nothing_and_are_told(world: World) -> None:
    number, sha = await own(world, DEPLOY)
    await world.check(sha)
    comment = await says(world, number, "/run deploy target=moon tagret=staging")
    assert await reacted(world, comment, "-1") == ["-1"]
    (reply,) = await replies(world, number)
    assert 'There is no input `tagret`; did you mean "target"?' in reply
    assert "`moon` is not a value of `target`, which is one of `staging`, `production`" in reply
    assert "ci-bot (manual)" not in await world.checks(sha)
