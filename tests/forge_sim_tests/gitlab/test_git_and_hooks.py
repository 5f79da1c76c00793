"""Real pushes and the signed webhooks they set off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forge_sim import ForgeCallFailed
from tests.forge_sim.gitpush import git

from .scene import REPO, Scene

NULL = "0" * 40


async def test_a_push_is_told_and_signed(scene: Scene) -> None:
    client = scene.client
    first = await client.push(REPO, "feature", {"a.txt": "1", "b/c.txt": "2"}, by="wim")
    second = await client.push(REPO, "feature", {"a.txt": None, "b/c.txt": "3"}, by="wim")
    hooks = await scene.settled()
    assert hooks.names() == ["push", "push"]
    assert all(one.signed(scene.bot["webhook_secret"]) for one in hooks.got)
    made, moved = (one.body for one in hooks.got)
    assert (made["ref"], made["before"], made["after"]) == ("refs/heads/feature", NULL, first)
    assert [c["id"] for c in made["commits"]] == [first]
    assert sorted(made["commits"][0]["added"]) == ["a.txt", "b/c.txt"]
    assert (moved["before"], moved["checkout_sha"]) == (first, second)
    assert moved["commits"][0]["removed"] == ["a.txt"]
    assert moved["commits"][0]["modified"] == ["b/c.txt"]
    assert moved["user_username"] == "wim"
    assert moved["project"]["path_with_namespace"] == REPO


async def test_headers_of_a_delivery(scene: Scene) -> None:
    await scene.client.push(REPO, "x", {"a": "1"}, by="wim")
    headers = (await scene.settled()).got[0].headers
    assert headers["X-Gitlab-Event"] == "Push Hook"
    assert headers["User-Agent"] == "GitLab/19.2.0"
    assert headers["X-Gitlab-Instance"] == scene.gitlab.url
    assert headers["Idempotency-Key"] == headers["webhook-id"]
    assert len({headers[f"X-Gitlab-{n}-UUID"] for n in ("Webhook", "Event")}) == 2
    assert headers["webhook-timestamp"].isdecimal()
    assert "X-Gitlab-Token" not in headers


@pytest.mark.parametrize(("version", "signs"), [("18.11.0", False), ("19.0.0", True)])
async def test_a_plain_token_is_told_and_signs_nothing(scene: Scene, version: str, signs: bool) -> None:
    await scene.client.settings(version=version)
    await scene.client.set_hook(scene.bot["id"], scene.hooks.url, "a plain token")
    await scene.client.push(REPO, "x", {"a": "1"}, by="wim")
    headers = (await scene.settled()).got[0].headers
    assert headers["X-Gitlab-Token"] == "a plain token"
    assert ("webhook-id" in headers) is signs
    assert "webhook-signature" not in headers


async def test_force_push_delete_and_tags(scene: Scene) -> None:
    client = scene.client
    await client.push(REPO, "topic", {"a": "1"}, by="wim")
    await client.push(REPO, "topic", {"a": "2"}, by="wim", force=True)
    await client.push_refs(REPO, "HEAD:refs/tags/v1", by="wim")
    await client.push_refs(REPO, ":refs/heads/topic", by="wim")
    hooks = await scene.settled()
    assert hooks.names() == ["push", "push", "tag_push", "push"]
    tag, gone = hooks.got[2].body, hooks.got[3].body
    assert (tag["ref"], tag["commits"], tag["checkout_sha"]) == ("refs/tags/v1", [], scene.sha)
    assert (gone["after"], gone["checkout_sha"], gone["total_commits_count"]) == (NULL, None, 0)


async def test_more_than_three_branches_or_tags_at_once_say_nothing(scene: Scene) -> None:
    tags = [f"HEAD:refs/tags/v{n}" for n in range(4)]
    await scene.client.push_refs(REPO, *tags, "HEAD:refs/heads/too", by="wim")
    assert (await scene.settled()).names() == ["push"], "the branch is told"


async def test_of_many_commits_twenty_are_told(scene: Scene, tmp_path: Path) -> None:
    person = await scene.client.user("wim")
    await git(tmp_path, "clone", "--quiet", scene.client.remote(REPO, person), ".")
    who = ("-c", "user.name=w", "-c", "user.email=w@example.com")
    for number in range(22):
        await git(tmp_path, *who, "commit", "--quiet", "--allow-empty", "-m", f"c{number}")
    await git(tmp_path, "push", "--quiet", "origin", "HEAD:refs/heads/many")
    told = (await scene.settled()).only("push").body
    assert told["total_commits_count"] == 22
    assert [c["title"] for c in told["commits"]] == [f"c{number}" for number in range(2, 22)]


async def test_merge_requests_of_the_project_and_of_a_fork(scene: Scene, tmp_path: Path) -> None:
    client = scene.client
    first = await client.push(REPO, "feature", {"a": "1"}, by="wim")
    await client.open_pull(REPO, "feature", by="wim")
    second = await client.push(REPO, "feature", {"a": "2"}, by="wim")
    await client.fork(REPO, "mallory")
    await client.push("mallory/web", "evil", {"a": "3"}, by="mallory")
    pull = await client.open_pull(REPO, "mallory:evil", by="mallory")
    head = await client.push("mallory/web", "evil", {"a": "4"}, by="mallory")
    hooks = await scene.settled()
    names = ["push", "merge_request.open", "push", "merge_request.update"]
    assert hooks.names() == [*names, "merge_request.open", "merge_request.update"]
    moved = hooks.got[3].body["object_attributes"]
    assert (moved["oldrev"], moved["last_commit"]["id"]) == (first, second)
    assert "oldrev" not in hooks.got[1].body["object_attributes"]
    forked = hooks.got[5].body["object_attributes"]
    assert forked["source"]["path_with_namespace"] == "mallory/web"
    assert hooks.got[5].body["project"]["path_with_namespace"] == REPO
    assert (await client.pull(REPO, pull["number"]))["head"]["sha"] == head
    remote = client.remote(REPO, await client.user("wim"))
    await git(tmp_path, "init", "--quiet", ".")
    await git(tmp_path, "fetch", "--quiet", remote, "refs/merge-requests/2/head")
    assert (await git(tmp_path, "rev-parse", "FETCH_HEAD")).strip() == head
    await git(tmp_path, "fetch", "--quiet", remote, "refs/merge-requests/2/merge")
    parents = (await git(tmp_path, "rev-parse", "FETCH_HEAD^1", "FETCH_HEAD^2")).split()
    assert parents == [scene.sha, head]


async def test_protected_branches_and_kept_refs_cannot_be_pushed(scene: Scene) -> None:
    with pytest.raises(ForgeCallFailed, match="protected branches"):
        await scene.client.push(REPO, "main", {"a": "1"}, by="wim")
    with pytest.raises(ForgeCallFailed, match="hidden ref"):
        await scene.client.push_refs(REPO, "HEAD:refs/merge-requests/7/head", by="wim")
    with pytest.raises(ForgeCallFailed, match="403"):
        await scene.client.push(REPO, "x", {"a": "1"}, by="mallory")
    await scene.client.push(REPO, "main", {"a": "1"}, by="alice")


async def test_private_projects_need_a_token_that_reads(scene: Scene, tmp_path: Path) -> None:
    await scene.client.repo("acme/secret", {"a": "1"}, private=True)
    host = scene.gitlab.url.removeprefix("http://")
    bot = str(scene.bot["slug"])
    reads = await scene.client.token(bot, "read_repository")
    blind = await scene.client.token(bot, "read_user")
    stale = await scene.client.token(bot, "api", expires_at="2026-01-01")
    stranger = (await scene.client.user("mallory")).token
    await git(tmp_path, "clone", "-q", f"http://oauth2:{reads}@{host}/acme/secret.git", "here")
    for token in (blind, stale, stranger):
        with pytest.raises(ForgeCallFailed):
            await git(tmp_path, "clone", "-q", f"http://x:{token}@{host}/acme/secret.git", "no")
    with pytest.raises(ForgeCallFailed):
        await git(tmp_path, "clone", "-q", f"http://{host}/acme/secret.git", "no")


async def test_deleting_the_source_branch_closes_the_merge_request(scene: Scene) -> None:
    await scene.opened()
    await scene.client.push_refs(REPO, ":refs/heads/feature", by="wim")
    closed = (await scene.settled()).only("merge_request.close").body["object_attributes"]
    assert closed["state"] == "closed"
