"""The sticky comment on the simulated forge: one, ours, and found again."""

from __future__ import annotations

import pytest
from aiohttp import web

from ci_bot.core.events import Repo
from ci_bot.core.report.values import CommentReport
from tests.forges.github.scene import Scene, Stub

MARKER = "<!-- ci-bot -->"


def says(text: str) -> CommentReport:
    return CommentReport(MARKER, f"{MARKER}\n{text}")


@pytest.fixture
async def number(scene: Scene) -> int:
    await scene.client.push("acme/web", "patch", {"a": "b"}, by="wim")
    return int((await scene.client.open_pull("acme/web", "patch", by="wim"))["number"])


async def shown(scene: Scene, number: int) -> list[tuple[str, str]]:
    found = await scene.client.comments("acme/web", number)
    return [(one["user"]["login"], one["body"].removeprefix(f"{MARKER}\n")) for one in found]


async def test_one_comment_is_written_and_then_edited_in_place(scene: Scene, number: int) -> None:
    handle = await scene.github.comment(scene.repo, number, says("one"), None)
    assert await scene.github.comment(scene.repo, number, says("two"), handle) == handle
    assert await shown(scene, number) == [("ci-bot[bot]", "two")]
    assert scene.asked() == [
        f"GET /issues/{number}/comments",
        f"POST /issues/{number}/comments",
        f"PATCH /issues/comments/{handle.removeprefix('comment:')}",
    ]


async def test_a_comment_whose_handle_is_lost_is_found_by_its_marker(scene: Scene, number: int) -> None:
    await scene.client.comment("acme/web", number, "hello", by="wim")
    handle = await scene.github.comment(scene.repo, number, says("one"), None)
    assert await scene.other().comment(scene.repo, number, says("two"), None) == handle
    assert await shown(scene, number) == [("wim", "hello"), ("ci-bot[bot]", "two")]


async def test_a_comment_is_found_on_a_later_page(scene: Scene, number: int) -> None:
    for login in ("alice", "wim", "rita"):
        for _ in range(34):
            await scene.client.comment("acme/web", number, "talk", by=login)
    handle = await scene.github.comment(scene.repo, number, says("one"), None)
    assert await scene.github.comment(scene.repo, number, says("two"), None) == handle


async def test_a_marker_in_somebody_elses_comment_is_not_ours(scene: Scene, number: int) -> None:
    await scene.client.comment("acme/web", number, f"{MARKER}\nlooks good", by="wim")
    await scene.github.comment(scene.repo, number, says("one"), None)
    assert await shown(scene, number) == [("wim", "looks good"), ("ci-bot[bot]", "one")]


async def test_another_apps_comment_is_not_ours(scene: Scene, number: int) -> None:
    other = await scene.client.app("copycat")
    tenant = await scene.client.install(other["id"], "acme")
    copycat = scene.other(app_id=other["id"], private_key=other["private_key"])
    repo = type(scene.repo)("github", scene.repo.id, "acme/web", "main", True, str(tenant))
    await copycat.comment(repo, number, says("copied"), None)
    await scene.github.comment(scene.repo, number, says("one"), None)
    assert await shown(scene, number) == [("copycat[bot]", "copied"), ("ci-bot[bot]", "one")]


async def test_our_marker_quoted_in_the_middle_is_no_sticky_comment(scene: Scene, number: int) -> None:
    quoted = CommentReport("<!-- other -->", f"<!-- other -->\n> {MARKER}")
    first = await scene.github.comment(scene.repo, number, quoted, None)
    assert await scene.github.comment(scene.repo, number, says("one"), None) != first


async def test_a_comment_that_somebody_deleted_is_written_anew(scene: Scene, number: int) -> None:
    handle = await scene.github.comment(scene.repo, number, says("one"), None)
    path = f"/repos/acme/web/issues/comments/{handle.removeprefix('comment:')}"
    await scene.client.api("DELETE", path, by="alice")
    again = await scene.github.comment(scene.repo, number, says("two"), handle)
    assert again != handle
    assert await shown(scene, number) == [("ci-bot[bot]", "two")]


async def test_a_comment_that_is_too_long_is_cut_and_says_so(scene: Scene, number: int) -> None:
    await scene.github.comment(scene.repo, number, says("x" * 70_000), None)
    [(_, body)] = await shown(scene, number)
    assert body.endswith("bytes were cut here.")


async def test_after_an_unknown_outcome_there_is_one_comment(scene: Scene, number: int) -> None:
    await scene.client.fault("cut_after", "POST /repos/acme/web/issues", times=1)
    with pytest.raises(Exception, match="cannot be reached"):
        await scene.github.comment(scene.repo, number, says("one"), None)
    await scene.github.comment(scene.repo, number, says("two"), None)
    assert await shown(scene, number) == [("ci-bot[bot]", "two")]


@pytest.mark.parametrize(
    ("login", "is_ours"), [("ci-bot[bot]", True), ("ci-bot", False), ("ci-bot-x[bot]", False)]
)
async def test_where_the_forge_leaves_out_the_app_its_bots_login_counts(
    stub: Stub, login: str, is_ours: bool
) -> None:
    """`performed_via_github_app` is optional in GitHub's description."""
    theirs = {"id": 4, "body": f"{MARKER}\nold", "user": {"id": 9, "login": login, "type": "Bot"}}
    stub.answers += [
        web.json_response([theirs]),
        web.json_response({"slug": "ci-bot"}),
        web.json_response({"id": 4 if is_ours else 5}),
    ]
    repo = Repo("github", 11, "acme/web", "main", private=True, tenant="5")
    async with stub.github() as github:
        handle = await github.comment(repo, 1, says("new"), None)
    assert handle == ("comment:4" if is_ours else "comment:5")
    assert stub.asked[-1].method == ("PATCH" if is_ours else "POST")
