"""What `ci-bot doctor --repo` asks of the simulated forge about a branch, and what it hears."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import ForgeDenied, ForgeError, SettingsError
from tests.forges.github.scene import NAME, Scene


async def test_a_repository_without_protection(scene: Scene) -> None:
    found = await scene.github.examine_gate(NAME)
    assert (found.branch, found.has_merge_queue) == ("main", False)
    assert [problem.split(",")[0] for problem in found.problems] == ["nothing requires ci-bot on main"]


async def test_branch_protection_that_asks_this_app(scene: Scene) -> None:
    await scene.client.protect(NAME, "ci-bot", by="alice", app_id=scene.app["id"])
    assert (await scene.github.examine_gate(NAME)).problems == ()


async def test_a_ruleset_with_a_merge_queue(scene: Scene) -> None:
    await scene.client.ruleset(NAME, "ci-bot", app_id=scene.app["id"], merge_queue=True)
    found = await scene.github.examine_gate(NAME)
    assert (found.problems, found.has_merge_queue) == ((), True)


async def test_protection_that_asks_anybody_and_a_job(scene: Scene) -> None:
    await scene.client.protect(NAME, "ci-bot", "ci-bot / test", by="alice")
    anybody, job = (await scene.github.examine_gate(NAME)).problems
    assert "from any source" in anybody
    assert job.startswith("ci-bot / test is required on main")


async def test_the_default_branch_is_what_is_asked_about(scene: Scene) -> None:
    await scene.client.push(NAME, "trunk", {"new": "1"}, by="alice")
    await scene.client.api("PATCH", f"/repos/{NAME}", {"default_branch": "trunk"}, by="alice")
    await scene.client.protect(NAME, "ci-bot", by="alice", app_id=scene.app["id"])  # of main
    found = await scene.github.examine_gate(NAME)
    assert found.branch == "trunk"
    assert found.problems[0].startswith("nothing requires ci-bot on trunk")


async def test_it_reads_and_changes_nothing_with_tokens_that_could_not(scene: Scene) -> None:
    await scene.github.examine_gate(NAME)
    assert {line.split()[0] for line in scene.asked()} == {"GET"}
    levels = {level for body in scene.minted() for level in body["permissions"].values()}
    assert levels == {"read"}


async def test_a_repository_without_a_commit(scene: Scene) -> None:
    await scene.client.control(
        "POST", "/repos", {"owner": "acme", "name": "empty", "files": {}, "private": True}
    )
    found = await scene.github.examine_gate("acme/empty")
    assert found.problems[0].startswith("nothing requires ci-bot on main")


@pytest.mark.parametrize("name", ["web", "acme/", "/web", "acme/web/x", "acme/../x", "acme/web?x"])
async def test_what_is_no_name_is_refused_before_anybody_is_asked(scene: Scene, name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        await scene.github.examine_gate(name)
    assert "write owner/name" in str(refused.value)
    assert scene.asked() == []


async def test_where_the_app_is_not_installed_it_says_so(scene: Scene) -> None:
    with pytest.raises(ForgeDenied, match="the App is not installed on acme/none"):
        await scene.github.examine_gate("acme/none")


async def test_a_forge_without_rules_is_one_without_rules(scene: Scene) -> None:
    """An older Enterprise Server does not know the question."""
    await scene.client.fault("status", "GET /repos/.*/rules/branches/", status=404)
    await scene.client.protect(NAME, "ci-bot", by="alice", app_id=scene.app["id"])
    assert (await scene.github.examine_gate(NAME)).problems == ()


async def test_a_forge_in_trouble_is_no_answer(scene: Scene) -> None:
    await scene.client.fault("status", "GET /repos/.*/rules/branches/", status=500)
    with pytest.raises(ForgeError):
        await scene.github.examine_gate(NAME)


async def test_results_that_may_not_be_read_are_left_out(scene: Scene) -> None:
    await scene.installed(permissions={"contents": "read", "metadata": "read"})
    await scene.client.protect(NAME, "ci-bot", by="alice", app_id=scene.app["id"])
    assert (await scene.github.examine_gate(NAME)).problems == ()
