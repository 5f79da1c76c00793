"""What the simulated forge is asked, and what a caller hears of it."""

from __future__ import annotations

import asyncio

import pytest

from ci_bot.core.errors import FileTooLarge, ForgeError
from ci_bot.core.events import Access, Actor, Permission
from ci_bot.ports import CloneSource, ForgeFacts
from tests.forges.github.scene import FILES, Scene


async def opened(scene: Scene, head: str = "patch") -> int:
    if ":" not in head:
        await scene.client.push("acme/web", head, {"a": "b"}, by="wim", message="Mend it\n\nWell.")
    return int((await scene.client.open_pull("acme/web", head, by="wim", title="Mend"))["number"])


def test_it_is_what_the_port_asks_for(scene: Scene) -> None:
    facts: ForgeFacts = scene.github
    assert facts is scene.github


@pytest.mark.parametrize("path", FILES)
async def test_a_file_at_a_commit(scene: Scene, path: str) -> None:
    assert await scene.github.read_file(scene.repo, path, scene.sha) == FILES[path].encode()
    assert len(scene.asked()) == 1


async def test_a_file_is_as_it_was_at_that_commit(scene: Scene) -> None:
    later = await scene.client.push("acme/web", "main", {".ci.yaml": None}, by="wim")
    assert await scene.github.read_file(scene.repo, ".ci.yaml", later) is None
    assert await scene.github.read_file(scene.repo, ".ci.yaml", scene.sha) == b"jobs: {}\n"


@pytest.mark.parametrize("path", [".ci.yml", "src", "src/none.py", "a%2Fb", "a?ref=main", "a#b"])
async def test_what_is_no_file_is_none(scene: Scene, path: str) -> None:
    assert await scene.github.read_file(scene.repo, path, scene.sha) is None


@pytest.mark.parametrize("path", ["../../other/contents/x", "src/../.ci.yaml", "/.ci.yaml", "", "."])
async def test_a_path_that_would_name_another_resource_is_not_asked_for(
    scene: Scene, path: str
) -> None:
    assert await scene.github.read_file(scene.repo, path, scene.sha) is None
    assert scene.asked() == []


async def test_a_commit_that_is_not_there_is_no_missing_file(scene: Scene) -> None:
    with pytest.raises(ForgeError, match="No commit found"):
        await scene.github.read_file(scene.repo, ".ci.yaml", "d" * 40)


async def test_a_file_that_the_forge_leaves_out_is_not_an_empty_one(scene: Scene) -> None:
    sha = await scene.client.push("acme/web", "main", {".ci.yaml": "x" * 1_100_000}, by="wim")
    with pytest.raises(FileTooLarge, match="1100000 bytes"):
        await scene.github.read_file(scene.repo, ".ci.yaml", sha)


async def test_a_pull_request(scene: Scene) -> None:
    number = await opened(scene)
    pull = await scene.github.pull(scene.repo, number)
    wim = scene.client.people["wim"]
    assert (pull.number, pull.title, pull.is_open, pull.is_draft) == (number, "Mend", True, False)
    assert pull.author == Actor(wim.id, "wim")
    assert (pull.head_ref, pull.head_repo) == ("patch", scene.repo.id)
    assert (pull.base_ref, pull.base_sha) == ("main", scene.sha)
    assert not pull.is_from_fork(scene.repo)
    assert len(scene.asked()) == 1


async def test_a_pull_request_that_is_not_there(scene: Scene) -> None:
    with pytest.raises(ForgeError) as caught:
        await scene.github.pull(scene.repo, 99)
    assert caught.value.status == 404


async def test_open_pull_requests_of_a_head_are_those_exactly_at_it(scene: Scene) -> None:
    number = await opened(scene)
    first = (await scene.github.pull(scene.repo, number)).head_sha
    assert [one.number for one in await scene.github.pulls_of_head(scene.repo, first)] == [number]
    second = await scene.client.push("acme/web", "patch", {"a": "c"}, by="wim")
    assert [one.number for one in await scene.github.pulls_of_head(scene.repo, second)] == [number]
    assert await scene.github.pulls_of_head(scene.repo, first) == []
    await scene.client.change_pull("acme/web", number, by="wim", state="closed")
    assert await scene.github.pulls_of_head(scene.repo, second) == []


async def test_a_pull_request_from_a_fork_is_not_of_the_repositorys_own_head(scene: Scene) -> None:
    await scene.client.fork("acme/web", "rita")
    sha = await scene.client.push("rita/web", "patch", {"a": "b"}, by="rita")
    sent = {"title": "Mine", "head": "rita:patch", "base": "main"}
    made = await scene.client.api("POST", "/repos/acme/web/pulls", sent, by="rita")
    assert await scene.github.pulls_of_head(scene.repo, sha) == []
    assert (await scene.github.pull(scene.repo, made["number"])).is_from_fork(scene.repo)


@pytest.mark.parametrize(
    ("login", "permission"),
    [
        ("alice", Permission.ADMIN),
        ("wim", Permission.WRITE),
        ("rita", Permission.READ),
        ("mallory", Permission.NONE),
    ],
)
@pytest.mark.parametrize("answers_404", [False, True])
async def test_a_permission_and_whom_it_is_about(
    scene: Scene, login: str, permission: Permission, answers_404: bool
) -> None:
    await scene.client.control("POST", "/settings", {"nonmember_404": answers_404})
    person = scene.client.people[login]
    access = await scene.github.permission(scene.repo, Actor(person.id, login))
    assert access == Access(person.id, permission)
    assert len(scene.asked()) == 1


async def test_a_login_that_was_taken_over_answers_about_its_new_owner(scene: Scene) -> None:
    wim = scene.client.people["wim"]
    access = await scene.github.permission(scene.repo, Actor(wim.id + 1000, "wim"))
    assert access.account == wim.id


@pytest.mark.parametrize("login", ["nobody-of-that-name", "dependabot[bot]", "../../x"])
async def test_an_unknown_account_may_do_nothing(scene: Scene, login: str) -> None:
    access = await scene.github.permission(scene.repo, Actor(5, login))
    assert access == Access(5, Permission.NONE)


async def test_a_permission_that_cannot_be_read_is_an_error_and_never_a_yes(scene: Scene) -> None:
    await scene.client.fault("status", "GET /repos/acme/web/collaborators", status=500)
    with pytest.raises(ForgeError):
        await scene.github.permission(scene.repo, Actor(scene.client.people["alice"].id, "alice"))


async def test_the_message_of_a_commit(scene: Scene) -> None:
    pull = await scene.github.pull(scene.repo, await opened(scene))
    message = await scene.github.commit_message(scene.repo, pull.head_sha)
    assert message.strip() == "Mend it\n\nWell."
    assert len(scene.asked()) == 2


async def test_a_clone_source_is_a_url_without_credentials(scene: Scene) -> None:
    source = await scene.github.clone_source(scene.repo, 7)
    url = f"{scene.forge.url}/acme/web.git"
    assert source == CloneSource(url, "x-access-token", source.token, ("refs/pull/7/head",))
    assert (await scene.github.clone_source(scene.repo, None)).refs == ()
    assert scene.asked() == []


async def test_git_takes_the_clone_source(scene: Scene) -> None:
    source = await scene.github.clone_source(scene.repo, None)
    url = source.url.replace("://", f"://{source.username}:{source.token}@")
    git = await asyncio.create_subprocess_exec(
        "git", "ls-remote", url, "refs/heads/main", stdout=asyncio.subprocess.PIPE
    )
    listed, _ = await git.communicate()
    assert listed.decode().split() == [scene.sha, "refs/heads/main"]
