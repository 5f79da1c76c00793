"""Which files changed, as the simulated forge tells it: comparisons, pull requests, and where lists end."""

from __future__ import annotations

import pytest

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.errors import ForgeError
from tests.forges.github.scene import NAME, Scene


async def pushed(scene: Scene, branch: str, files: dict[str, str | None], **more: object) -> str:
    return await scene.client.push(NAME, branch, files, by="wim", **more)  # type: ignore[arg-type]


async def test_a_push_that_leads_on(scene: Scene) -> None:
    sha = await pushed(scene, "main", {"src/b.py": "1\n", "README.md": None})
    found = await scene.github.changed_files(scene.repo, Between(scene.sha, sha))
    assert found == ChangedFiles(("README.md", "src/b.py"), True, True, scene.sha)
    assert len(scene.asked()) == 1


async def test_a_renamed_file_has_both_names(scene: Scene) -> None:
    text = "".join(f"line {n}\n" for n in range(40))
    before = await pushed(scene, "main", {"old name.txt": text})
    sha = await pushed(scene, "main", {"old name.txt": None, "docs/new.txt": text})
    found = await scene.github.changed_files(scene.repo, Between(before, sha))
    assert set(found.paths) == {"old name.txt", "docs/new.txt"}


async def test_a_forced_push_does_not_lead_on(scene: Scene) -> None:
    old = await pushed(scene, "topic/x", {"a": "1"})
    new = await pushed(scene, "topic/x", {"b": "1"}, force=True)
    found = await scene.github.changed_files(scene.repo, Between(old, new))
    assert found == ChangedFiles(("b",), True, False, scene.sha)


async def test_a_branch_is_compared_by_its_name_slashes_and_all(scene: Scene) -> None:
    await pushed(scene, "release/1", {"a": "1"})
    new = await pushed(scene, "topic", {"b": "1"})
    found = await scene.github.changed_files(scene.repo, Between("release/1", new))
    assert (found.paths, found.start) == (("b",), scene.sha)


async def test_a_branch_without_commits_of_its_own_changes_nothing(scene: Scene) -> None:
    found = await scene.github.changed_files(scene.repo, Between("main", scene.sha))
    assert found == ChangedFiles((), True, True, scene.sha)


async def test_a_commit_that_is_gone_is_not_found(scene: Scene) -> None:
    with pytest.raises(ForgeError) as raised:
        await scene.github.changed_files(scene.repo, Between("d" * 40, scene.sha))
    assert raised.value.status == 404


async def test_lists_go_over_pages_and_say_where_they_end(scene: Scene) -> None:
    """A comparison holds 300 files, a pull request's list has pages of 100."""
    sha = await pushed(scene, "big", {f"f/{n:03}": "x" for n in range(301)})
    compared = await scene.github.changed_files(scene.repo, Between(scene.sha, sha))
    assert (len(compared.paths), compared.is_whole) == (300, False)
    made = await scene.client.open_pull(NAME, "big", by="wim")
    question = OfPull(int(made["number"]), scene.sha, sha)
    listed = await scene.github.changed_files(scene.repo, question)
    assert (len(listed.paths), listed.is_whole) == (301, True)
    assert len([one for one in scene.asked() if "/files" in one]) == 4


async def test_labels_come_with_a_pull_request(scene: Scene) -> None:
    await pushed(scene, "topic", {"b": "1"})
    number = int((await scene.client.open_pull(NAME, "topic", by="wim"))["number"])
    await scene.client.label(NAME, number, "please test", by="wim")
    assert (await scene.github.pull(scene.repo, number)).labels == ("please test",)
