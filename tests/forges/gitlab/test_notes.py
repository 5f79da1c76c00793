"""Notes under merge requests, and reactions to them."""

from __future__ import annotations

import pytest

from ci_bot.core.effects import Reaction
from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.report.values import CommentReport
from tests.forges.gitlab.scene import NAME, REPO, Scene, Stub

MARKER = "<!-- ci-bot:pull:gitlab:11:1 -->"


def comment(text: str, marker: str = MARKER) -> CommentReport:
    return CommentReport(marker, f"{marker}\n\n{text}")


async def test_the_sticky_note_is_edited_in_place_and_found_again(scene: Scene) -> None:
    _, number = await scene.opened()
    first = await scene.gitlab.comment(scene.repo, number, comment("failed"), None)
    assert await scene.gitlab.comment(scene.repo, number, comment("green"), first) == first
    other = await scene.other()
    assert await other.comment(scene.repo, number, comment("red"), None) == first
    (note,) = await scene.client.comments(NAME, number)
    assert note["body"].endswith("red")
    assert note["user"]["id"] == await scene.gitlab.bot_id()


async def test_a_marker_counts_in_our_own_notes_alone(scene: Scene) -> None:
    _, number = await scene.opened()
    await scene.client.comment(NAME, number, comment("not ours").body, by="mallory")
    await scene.gitlab.comment(scene.repo, number, comment("ours"), None)
    bodies = [note["body"] for note in await scene.client.comments(NAME, number)]
    assert [body.rsplit("\n", 1)[1] for body in bodies] == ["not ours", "ours"]


async def test_a_note_that_was_deleted_is_written_anew(scene: Scene) -> None:
    _, number = await scene.opened()
    first = await scene.gitlab.comment(scene.repo, number, comment("x"), None)
    await scene.client.delete_comment(NAME, int(first.split(":")[1]), by="alice")
    second = await scene.gitlab.comment(scene.repo, number, comment("x"), first)
    assert first != second
    assert len(await scene.client.comments(NAME, number)) == 1


async def test_an_answer_that_was_lost_does_not_write_it_twice(scene: Scene) -> None:
    _, number = await scene.opened()
    await scene.client.fault("cut_after", "POST .*/notes", times=1)
    with pytest.raises(ForgeError):
        await scene.gitlab.comment(scene.repo, number, comment("x"), None)
    await scene.gitlab.comment(scene.repo, number, comment("x"), None)
    assert len(await scene.client.comments(NAME, number)) == 1


async def test_a_long_note_is_cut_and_says_so(scene: Scene) -> None:
    _, number = await scene.opened()
    await scene.gitlab.comment(scene.repo, number, comment("x" * 100_000), None)
    (note,) = await scene.client.comments(NAME, number)
    assert len(note["body"]) <= 65_536
    assert note["body"].endswith("bytes were cut here.")


async def test_reactions_may_be_repeated_and_a_note_may_be_gone(scene: Scene) -> None:
    _, number = await scene.opened()
    note = int((await scene.client.comment(NAME, number, "/ci retry", by="wim"))["id"])
    for reaction in (*Reaction, Reaction.TAKEN):
        await scene.gitlab.react(scene.repo, number, note, reaction)
    assert await scene.client.reactions(NAME, note) == ["eyes", "rocket", "-1"]
    await scene.gitlab.react(scene.repo, number, 999_999, Reaction.TAKEN)


async def test_a_conversation_that_is_locked_is_denied(stub: Stub) -> None:
    stub.says({"id": 900, "username": "ci-bot"}, {"source_project_id": REPO.id}, [])
    stub.says({"message": "403 Forbidden"}, status=403)
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeDenied):
            await gitlab.comment(REPO, 1, comment("x"), None)
