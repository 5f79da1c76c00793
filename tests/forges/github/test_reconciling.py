"""GitHub's failed deliveries and its heads, as the simulated GitHub has them."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from ci_bot.core.errors import ForgeError
from ci_bot.core.events import NO_SHA, Repo
from tests.forges.github.scene import NAME, Scene, Stub


async def test_deliveries_are_read_newest_first_through_every_page(scene: Scene) -> None:
    await _hook(scene)
    await scene.client.fault("hook_drop")
    branches = (f"HEAD:refs/heads/b{number}" for number in range(104))
    await scene.client.push_refs(NAME, *branches, by="alice")
    assert await scene.client.quiet(60)
    found = await scene.github.attempts((), 0)
    assert len(found) > 200  # three pages; a branch and a push each
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
    assert not any(each.is_accepted for each in found)
    assert await scene.github.attempts((), time.time() + 60) == ()


async def test_a_redelivery_is_another_attempt_at_the_same(scene: Scene) -> None:
    await _hook(scene)
    await scene.client.fault("hook_drop", times=1)
    await scene.client.push(NAME, "main", {"a": "1"}, by="alice")
    await scene.client.quiet()
    (failed,) = [
        each for each in await scene.github.attempts((), 0) if each.guid == await _first(scene)
    ]
    await scene.github.redeliver(failed)
    await scene.client.quiet()
    tries = [each for each in await scene.github.attempts((), 0) if each.guid == failed.guid]
    assert [each.id == failed.id for each in tries] == [False, True]


async def test_open_pull_requests_that_changed_since_are_listed(scene: Scene) -> None:
    for branch in ("one", "two", "three"):
        await scene.client.push(NAME, branch, {branch: "1"}, by="alice")
        await scene.client.open_pull(NAME, branch, by="alice")
        await asyncio.sleep(1.1)  # GitHub tells moments to the second
    await scene.client.change_pull(NAME, 2, by="alice", state="closed")
    found = await scene.github.open_pulls(scene.repo, 0)
    assert [each.pull.number for each in found] == [3, 1]
    later = await scene.github.open_pulls(scene.repo, found[0].updated_at)
    assert [each.pull.head_ref for each in later] == ["three"]


async def test_the_last_push_says_who_moved_the_branch_and_from_where(scene: Scene) -> None:
    sha = await scene.client.push(NAME, "main", {"a": "1"}, by="wim")
    found = await scene.github.last_push(scene.repo, "main")
    assert found is not None
    assert (found.branch, found.sha, found.before) == ("main", sha, scene.sha)
    assert found.actor.login == "wim"
    assert abs(found.at - time.time()) < 60


async def test_a_new_branch_came_from_nothing_and_a_deleted_one_is_none(scene: Scene) -> None:
    await scene.client.push(NAME, "topic", {"a": "1"}, by="wim")
    found = await scene.github.last_push(scene.repo, "topic")
    assert found is not None
    assert found.before == NO_SHA
    await scene.client.push_refs(NAME, ":topic", by="wim")
    assert await scene.github.last_push(scene.repo, "topic") is None
    assert await scene.github.last_push(scene.repo, "never") is None


async def test_an_old_enterprise_server_keeps_no_record_of_pushes(scene: Scene) -> None:
    await scene.client.fault("status", match="/activity", status=404)
    assert await scene.github.last_push(scene.repo, "main") is None


@pytest.mark.parametrize("answer", ["{}", "[1]", '[{"id": 1}]'])
async def test_answers_of_another_shape_are_told_in_words(answer: str) -> None:
    repo = Repo("github", 1, NAME, "main", private=True, tenant="1")
    async with Stub.running() as stub, stub.github() as github:
        stub.answers += [web.Response(text=answer, content_type="application/json")]
        with pytest.raises(ForgeError, match="s answer"):
            await github.last_push(repo, "main")


async def _hook(scene: Scene) -> None:
    """Nothing listens there; what is dropped was not sent at all."""
    await scene.client.set_hook(scene.app["id"], "http://127.0.0.1:9/hooks/github", "s" * 32)


async def _first(scene: Scene) -> str:
    return (await scene.github.attempts((), 0))[-1].guid
