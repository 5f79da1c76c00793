"""What the adapter is told about projects, merge requests, people and commits."""

from __future__ import annotations

import pytest
from aiohttp import web

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.errors import FileTooLarge, ForgeError
from ci_bot.core.events import Actor, Permission
from ci_bot.forges.gitlab import Levels
from tests.forges.gitlab.scene import NAME, REPO, Scene, Stub

HEAD = "a" * 40
MEMBER = {"id": 5, "username": "wim", "state": "active", "access_level": 30}


async def test_files_of_any_name_at_a_commit_are_read(scene: Scene) -> None:
    gitlab, repo, sha = scene.gitlab, scene.repo, scene.sha
    assert await gitlab.read_file(repo, ".ci.yaml", sha) == b"jobs: {}\n"
    assert await gitlab.read_file(repo, "src/a file.py", sha) == b"x = 1\n"
    for missing in ("none.yaml", "src", "../README.md", "src/./a file.py", ""):
        assert await gitlab.read_file(repo, missing, sha) is None
    with pytest.raises(ForgeError) as caught:
        await gitlab.read_file(repo, ".ci.yaml", "f" * 40)
    assert caught.value.status == 404


async def test_a_forks_head_is_read_from_the_target_project(scene: Scene) -> None:
    sha, number, fork = await scene.from_fork(**{".ci.yaml": "jobs: {a: {}}\n"})
    assert await scene.gitlab.read_file(scene.repo, ".ci.yaml", sha) == b"jobs: {a: {}}\n"
    pull = await scene.gitlab.pull(scene.repo, number)
    assert (pull.head_sha, pull.head_repo, pull.author.login) == (sha, fork, "mallory")
    assert pull.is_from_fork(scene.repo)
    source = await scene.gitlab.clone_source(scene.repo, number)
    assert source.url == f"{scene.sim.url}/{NAME}.git"
    assert source.refs == (f"refs/merge-requests/{number}/head",)
    assert (source.username, source.token) == ("oauth2", scene.bot["token"])


async def test_a_file_that_is_too_large_is_not_read(stub: Stub) -> None:
    stub.answers = [
        web.Response(body=b"x" * 2_000_000),
        web.Response(headers={"X-Gitlab-Size": "99999999"}),
    ]
    async with stub.gitlab() as gitlab:
        for most in (1_200_000, 99_999_999):
            with pytest.raises(FileTooLarge, match=r"big\.yaml") as caught:
                await gitlab.read_file(REPO, "big.yaml", HEAD)
            assert caught.value.length <= most


async def test_a_merge_request_and_those_of_a_head(scene: Scene) -> None:
    sha, number = await scene.opened()
    pull = await scene.gitlab.pull(scene.repo, number)
    assert (pull.number, pull.head_sha, pull.head_ref, pull.base_ref) == (
        number,
        sha,
        "feature",
        "main",
    )
    assert (pull.base_sha, pull.is_open, pull.is_draft) == (scene.sha, True, False)
    assert not pull.is_from_fork(scene.repo)
    assert await scene.gitlab.pulls_of_head(scene.repo, sha) == [pull]
    assert await scene.gitlab.pulls_of_head(scene.repo, scene.sha) == []
    await scene.client.change_pull(NAME, number, by="wim", state="closed")
    assert await scene.gitlab.pulls_of_head(scene.repo, sha) == []
    assert not (await scene.gitlab.pull(scene.repo, number)).is_open


async def test_a_merge_request_that_gitlab_has_not_prepared_yet_is_asked_for_again(stub: Stub) -> None:
    stub.says({"iid": 4, "state": "opened", "sha": None, "diff_refs": None})
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeError, match="not prepared the merge request !4") as caught:
            await gitlab.pull(REPO, 4)
    assert caught.value.status == 409


async def test_a_forks_head_is_none_of_the_projects_own(scene: Scene) -> None:
    sha, _, _ = await scene.from_fork()
    assert await scene.gitlab.pulls_of_head(scene.repo, sha) == []


async def test_what_each_account_may_do_now(scene: Scene) -> None:
    async def of(login: str) -> tuple[Permission, bool]:
        person = await scene.client.user(login)
        access = await scene.gitlab.permission(scene.repo, Actor(person.id, "renamed since"))
        assert access.account == person.id
        return access.permission, access.may_approve

    assert await of("alice") == (Permission.ADMIN, True)  # by the group
    assert await of("wim") == (Permission.WRITE, False)
    assert await of("rita") == (Permission.READ, False)
    assert await of("mallory") == (Permission.NONE, False)
    await scene.client.block("wim")
    assert await of("wim") == (Permission.NONE, False)
    await scene.client.remove_collaborator(NAME, "rita")
    assert await of("rita") == (Permission.NONE, False)


async def test_levels_are_the_operators(scene: Scene) -> None:
    strict = await scene.other(levels=Levels(run=40, approve=50))
    wim = Actor((await scene.client.user("wim")).id, "wim")
    alice = Actor((await scene.client.user("alice")).id, "alice")
    assert (await strict.permission(scene.repo, wim)).permission is Permission.READ
    access = await strict.permission(scene.repo, alice)
    assert (access.permission, access.may_approve) == (Permission.WRITE, False)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "blocked"},
        {"state": "deactivated"},
        {"locked": True},
        {"membership_state": "awaiting"},
        {"expires_at": "2020-01-01"},
        {"id": 6},
    ],
)
async def test_who_is_no_member_right_now_may_do_nothing(stub: Stub, change: dict[str, object]) -> None:
    stub.says(MEMBER, {**MEMBER, **change})
    async with stub.gitlab() as gitlab:
        wim = Actor(5, "wim")
        assert (await gitlab.permission(REPO, wim)).permission is Permission.WRITE
        assert (await gitlab.permission(REPO, wim)).permission is Permission.NONE


async def test_a_membership_that_ends_later_counts(stub: Stub) -> None:
    stub.says({**MEMBER, "expires_at": "2999-01-01"})
    async with stub.gitlab() as gitlab:
        assert (await gitlab.permission(REPO, Actor(5, "wim"))).permission is Permission.WRITE


async def test_branches_and_messages(scene: Scene) -> None:
    sha = await scene.client.push(NAME, "a/b", {"x": "1"}, by="wim", message="First line\n\nbody")
    assert await scene.gitlab.branch_head(scene.repo, "a/b") == sha
    assert await scene.gitlab.branch_head(scene.repo, "gone") is None
    assert (await scene.gitlab.commit_message(scene.repo, sha)).strip() == "First line\n\nbody"
    assert await scene.gitlab.default_branch(scene.repo) == "main"


async def test_the_files_of_a_merge_request_page_by_page(scene: Scene) -> None:
    many = {f"many/{number:03}.txt": "x" for number in range(130)}
    sha, number = await scene.opened(**many)
    found = await scene.gitlab.changed_files(scene.repo, OfPull(number, scene.sha, sha))
    assert set(found.paths) == {"a.txt", *many}
    assert found.is_whole


async def test_a_list_that_was_cut_says_so(stub: Stub) -> None:
    diff = {"old_path": "a", "new_path": "b"}
    for count, is_whole in (("1", True), ("1000+", False), ("2", False), (None, False)):
        stub.says({"changes_count": count}, [diff])
        async with stub.gitlab() as gitlab:
            found = await gitlab.changed_files(REPO, OfPull(4, HEAD, HEAD))
        assert found == ChangedFiles(("b", "a"), is_whole=is_whole)


async def test_two_commits_are_compared_from_where_they_parted(scene: Scene) -> None:
    ahead = await scene.client.push(NAME, "one", {"one.txt": "1"}, by="wim")
    aside = await scene.client.push(NAME, "two", {"two.txt": "1"}, by="wim")
    on = await scene.gitlab.changed_files(scene.repo, Between(scene.sha, ahead))
    assert on == ChangedFiles(("one.txt",), is_whole=True, leads_on=True, start=scene.sha)
    forced = await scene.gitlab.changed_files(scene.repo, Between(ahead, aside))
    assert forced == ChangedFiles(("two.txt",), is_whole=True, leads_on=False, start=scene.sha)
    new = await scene.gitlab.changed_files(scene.repo, Between("main", ahead))
    assert new.paths == ("one.txt",)
    with pytest.raises(ForgeError) as caught:
        await scene.gitlab.changed_files(scene.repo, Between("f" * 40, ahead))
    assert caught.value.status == 404


async def test_a_head_that_was_left_and_came_back_is_told(scene: Scene) -> None:
    first, number = await scene.opened()
    assert await scene.gitlab.forced_at(scene.repo, number) is None
    await scene.pushed("feature", other="2")
    assert await scene.gitlab.forced_at(scene.repo, number) is None
    await scene.client.push_refs(NAME, f"+{first}:refs/heads/feature", by="wim")
    assert await scene.gitlab.forced_at(scene.repo, number) is not None


async def test_one_head_against_two_bases_was_not_left(stub: Stub) -> None:
    def version(head: str, minute: int) -> dict[str, str]:
        return {"head_commit_sha": head * 40, "created_at": f"2026-01-01T00:{minute:02}:00Z"}

    stub.says([version("a", 3), version("a", 2), version("b", 1)])
    stub.says([version("a", 3), version("b", 2), version("a", 1)])
    async with stub.gitlab() as gitlab:
        assert await gitlab.forced_at(REPO, 4) is None
        assert await gitlab.forced_at(REPO, 4) == 1767225780.0
