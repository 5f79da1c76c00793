"""Checks as commit statuses: in one pipeline, in forks, repeated, and what a merge request makes of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.core.report.values import CheckState, CommentReport, Conclusion, Spot
from ci_bot.forges.gitlab.statuses import Place, body_of
from tests.forges.gitlab.scene import NAME, REPO, Scene, Stub, ended, report

QUEUED = report(CheckState.QUEUED, name="ci-bot / test")
PLACE = Place(11, "feature")
SPOT = Spot("a" * 40, "feature", 4)
STICKY = CommentReport("<!-- ci-bot:pull:gitlab:11:4 -->", "<!-- ci-bot:pull:gitlab:11:4 -->\n\nfailed")
APPROVE = f"Somebody has to look.\n\n```text\n/ci approve {'a' * 40}\n```\n\nmore"


async def shown(scene: Scene, sha: str) -> dict[str, str]:
    return {one["name"]: one["status"] for one in await scene.client.statuses(NAME, sha)}


# ── what is sent ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (report(CheckState.QUEUED), "pending"),
        (report(CheckState.IN_PROGRESS), "running"),
        (ended(Conclusion.SUCCESS), "success"),
        (ended(Conclusion.FAILURE), "failed"),
        (ended(Conclusion.TIMED_OUT), "failed"),
        (ended(Conclusion.CANCELLED), "canceled"),
        (ended(Conclusion.SKIPPED), "skipped"),
        (ended(Conclusion.ACTION_REQUIRED), "pending"),
    ],
)
def test_each_state_of_a_check(said: Any, state: str) -> None:
    assert body_of(said, PLACE, SPOT)["state"] == state


@pytest.mark.parametrize("conclusion", [one for one in Conclusion if one is not Conclusion.SUCCESS])
def test_what_keeps_nobody_from_merging_is_never_red_in_the_gates_pipeline(
    conclusion: Conclusion,
) -> None:
    beside = Spot("a" * 40, "feature", 4, counts=False)
    assert body_of(ended(conclusion), PLACE, beside)["state"] == "skipped"
    assert body_of(report(), PLACE, beside)["state"] == "pending"  # what runs cannot be skipped
    tag = Spot("a" * 40, "v1", is_tag=True, counts=False)  # which has a pipeline of its own
    assert body_of(ended(Conclusion.FAILURE), PLACE, tag)["state"] == "failed"


def test_names_and_links_and_descriptions_are_what_gitlab_takes() -> None:
    body = body_of(report(name="ci-bot / unit (a / b)", title="x\ny " * 200), Place(11, "f", 9), SPOT)
    assert body["name"] == "ci-bot/unit (a / b)"
    assert len(body["description"]) == 255
    assert (body["ref"], body["pipeline_id"], body["target_url"]) == ("f", 9, "http://ci/runs/1")
    long = body_of(report(details_url="http://ci/" + "x" * 250), Place(11, ""), SPOT)
    assert not {"target_url", "ref", "pipeline_id"} & long.keys()


def test_coverage_is_told_where_a_check_has_it() -> None:
    assert "coverage" not in body_of(ended(Conclusion.SUCCESS), PLACE, SPOT)
    assert body_of(ended(Conclusion.FAILURE, coverage=0.0), PLACE, SPOT)["coverage"] == 0.0


def test_what_waits_names_the_command_that_lets_it_go_on() -> None:
    said = ended(
        Conclusion.ACTION_REQUIRED, title="Waiting for approval: " + "x" * 300, summary=APPROVE
    )
    description = body_of(said, PLACE, SPOT)["description"]
    assert description.endswith(f"; next: /ci approve {'a' * 40}")
    assert len(description) == 255
    plain = ended(Conclusion.ACTION_REQUIRED, title="Not run: a draft")
    assert body_of(plain, PLACE, SPOT)["description"] == "Not run: a draft"


# ── in the project itself ────────────────────────────────────────────────────────────────────


async def test_a_push_has_one_pipeline_for_all_its_checks(scene: Scene) -> None:
    sha = await scene.pushed()
    spot = Spot(sha, "feature")
    gate = await scene.gitlab.publish(scene.repo, spot, report(), "1", None)
    job = await scene.gitlab.publish(scene.repo, spot, QUEUED, "2", None)
    kind, project, pipeline, ref = gate.split(":", 3)
    assert (kind, project, ref) == ("status", str(scene.repo.id), "feature")
    assert job.split(":")[2] == pipeline != "0"
    assert await shown(scene, sha) == {"ci-bot": "running", "ci-bot/test": "pending"}
    await scene.gitlab.publish(scene.repo, spot, ended(Conclusion.SUCCESS), "1", gate)
    failed = ended(Conclusion.FAILURE, name="ci-bot / test")
    assert await scene.gitlab.publish(scene.repo, spot, failed, "2", job) == job
    assert await shown(scene, sha) == {"ci-bot": "success", "ci-bot/test": "failed"}


async def test_sent_again_nothing_changes_and_nothing_fails(scene: Scene) -> None:
    spot = Spot(await scene.pushed(), "feature")
    first = await scene.gitlab.publish(scene.repo, spot, report(), "1", None)
    assert await scene.gitlab.publish(scene.repo, spot, report(), "1", first) == first
    assert await scene.gitlab.publish(scene.repo, spot, report(), "1", None) == first
    assert await scene.gitlab.find(scene.repo, spot.sha, "ci-bot", "1") is None


async def test_a_new_attempt_takes_the_place_of_the_old_one(scene: Scene) -> None:
    sha, number = await scene.opened()
    await scene.client.protect(NAME, "ci-bot", by="alice")
    spot = Spot(sha, "feature", number)
    gitlab, repo = scene.gitlab, scene.repo
    await gitlab.publish(repo, spot, ended(Conclusion.FAILURE), "1/1", None)
    await gitlab.publish(repo, spot, report(), "1/2", None)
    assert await shown(scene, sha) == {"ci-bot": "running"}
    await gitlab.publish(repo, spot, ended(Conclusion.SUCCESS), "1/2", None)
    assert await shown(scene, sha) == {"ci-bot": "success"}
    pull = await scene.client.pull(NAME, number, by="alice")
    assert pull["mergeable_state"] == "clean"


async def test_coverage_is_that_of_the_newest_attempt(scene: Scene) -> None:
    spot, repo, name = Spot(await scene.pushed(), "feature"), scene.repo, "ci-bot / test"

    async def covered() -> Any:
        (status,) = await scene.client.statuses(NAME, spot.sha)
        return status["coverage"]

    first = ended(Conclusion.FAILURE, name=name, coverage=83.42)
    handle = await scene.gitlab.publish(repo, spot, first, "1", None)
    assert await scene.gitlab.publish(repo, spot, first, "1", handle) == handle  # its answer was lost
    assert await covered() == 83.42
    handle = await scene.gitlab.publish(repo, spot, report(name=name), "1/2", handle)
    assert await covered() is None
    await scene.gitlab.publish(repo, spot, ended(Conclusion.SUCCESS, name=name), "1/2", handle)
    assert await covered() is None  # it wrote no report


async def test_a_merge_request_is_blocked_until_its_gate_passes(scene: Scene) -> None:
    sha, number = await scene.opened()
    await scene.client.protect(NAME, "ci-bot", by="alice")
    spot = Spot(sha, "feature", number)

    async def mergeable() -> str:
        return str((await scene.client.pull(NAME, number, by="alice"))["mergeable_state"])

    waits = ended(Conclusion.ACTION_REQUIRED, title="Waiting for approval", summary=APPROVE)
    for said, state in (
        (waits, "blocked"),
        (report(), "blocked"),
        (ended(Conclusion.FAILURE), "blocked"),
        (ended(Conclusion.SUCCESS), "clean"),
    ):
        await scene.gitlab.publish(scene.repo, spot, said, "1", None)
        assert await mergeable() == state
    lint = ended(Conclusion.FAILURE, name="ci-bot / lint")
    beside = Spot(sha, "feature", number, counts=False)
    running = report(name="ci-bot / lint")
    handle = await scene.gitlab.publish(scene.repo, beside, running, "2", None)
    assert await mergeable() == "blocked"
    await scene.gitlab.publish(scene.repo, beside, lint, "2", handle)
    assert await mergeable() == "clean"


async def test_after_a_restart_a_new_check_joins_the_pipeline_of_the_gate(scene: Scene) -> None:
    spot = Spot(await scene.pushed(), "feature")
    gate = await scene.gitlab.publish(scene.repo, spot, report(), "1", None)
    again = await scene.other()
    job = await again.publish(scene.repo, spot, QUEUED, "2", None)
    assert job.split(":")[2] == gate.split(":")[2]


async def test_a_tag_has_a_pipeline_of_its_own(scene: Scene) -> None:
    sha = await scene.pushed()
    await scene.client.push_refs(NAME, f"{sha}:refs/tags/v1", by="wim")
    push = await scene.gitlab.publish(scene.repo, Spot(sha, "feature"), report(), "1", None)
    tag = await scene.gitlab.publish(
        scene.repo, Spot(sha, "v1", is_tag=True), report(name="ci-bot (tag)"), "2", None
    )
    assert push.split(":")[2] != tag.split(":")[2]


# ── forks ────────────────────────────────────────────────────────────────────────────────────


async def test_a_forks_merge_request_is_gated_in_the_fork_where_the_bot_is_a_developer(
    scene: Scene,
) -> None:
    sha, number, fork = await scene.from_fork()
    bot = scene.bot["slug"]
    member = {"user_id": scene.bot["bot_id"], "access_level": 30}
    await scene.client.api("POST", f"/projects/{fork}/members", member, by="mallory")
    await scene.client.protect(NAME, "ci-bot", by="alice")
    spot = Spot(sha, "feature", number)
    handle = await scene.gitlab.publish(scene.repo, spot, report(), "1", None)
    assert handle.split(":")[1] == str(fork)
    await scene.gitlab.publish(scene.repo, spot, ended(Conclusion.SUCCESS), "1", handle)
    pull = await scene.client.pull(NAME, number, by="alice")
    assert pull["mergeable_state"] == "clean"
    await scene.gitlab.comment(scene.repo, number, STICKY, None)
    (note,) = await scene.client.comments(NAME, number)
    assert note["body"] == STICKY.body, bot


async def test_where_the_fork_takes_no_status_the_note_says_so(scene: Scene) -> None:
    sha, number, _ = await scene.from_fork()
    spot = Spot(sha, "feature", number)
    handle = await scene.gitlab.publish(scene.repo, spot, report(), "1", None)
    again = await scene.gitlab.publish(scene.repo, spot, ended(Conclusion.FAILURE), "1", handle)
    assert {handle.split(":")[0], again.split(":")[0]} <= {"nowhere", "status"}
    await scene.gitlab.comment(scene.repo, number, STICKY, None)
    (note,) = await scene.client.comments(NAME, number)
    assert note["body"].startswith(STICKY.body)
    assert "is no Developer" in note["body"]
    reply = CommentReport("<!-- ci-bot:reply:x -->", "<!-- ci-bot:reply:x -->\n\nan answer")
    await scene.gitlab.comment(scene.repo, number, reply, None)
    assert (await scene.client.comments(NAME, number))[-1]["body"] == reply.body


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────

ME = {"id": 900, "username": "ci-bot"}
TAKEN = {"message": "Another update to this commit status is in progress"}
GONE = {"message": "404 Pipeline for pipeline_id, sha and ref Not Found"}
PUSH = Spot("a" * 40, "main")


async def test_a_commit_that_is_being_updated_is_asked_for_again_soon(stub: Stub) -> None:
    stub.says(ME)
    stub.says(TAKEN, status=409)
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeBusy) as caught:
            await gitlab.publish(REPO, PUSH, report(), "1", "status:11:5:main")
        assert (caught.value.seconds, caught.value.status) == (2.0, 409)
        stub.says({"id": 1, "pipeline_id": 5}, status=201)  # and nothing else has to wait
        assert await gitlab.publish(REPO, PUSH, report(), "1", "status:11:5:main") == "status:11:5:main"


@pytest.mark.parametrize(
    ("said", "was", "is_fine"),
    [
        (report(), "running", True),
        (report(CheckState.QUEUED), "running", True),
        (ended(Conclusion.SUCCESS), "success", True),
        (ended(Conclusion.FAILURE), "success", False),
        (ended(Conclusion.SKIPPED), "running", False),
    ],
)
async def test_a_refused_change_is_fine_only_where_nothing_would_change(
    stub: Stub, said: Any, was: str, is_fine: bool
) -> None:
    stub.says(ME)
    reason = (
        f'Cannot transition status via :x from :{was} (Reason(s): Status cannot transition via "x")'
    )
    stub.says({"message": reason}, status=400)
    async with stub.gitlab() as gitlab:
        asking = gitlab.publish(REPO, PUSH, said, "1", "status:11:5:main")
        if is_fine:
            assert await asking == "status:11:5:main"
        else:
            with pytest.raises(ForgeError):
                await asking


async def test_a_pipeline_that_was_deleted_is_made_anew(stub: Stub) -> None:
    stub.says(ME)
    stub.says(GONE, status=404)
    stub.says({"id": 1, "pipeline_id": 6}, status=201)
    async with stub.gitlab() as gitlab:
        handle = await gitlab.publish(REPO, PUSH, report(), "1", "status:11:5:main")
    assert handle == "status:11:6:main"


async def test_a_status_that_is_refused_is_denied(stub: Stub) -> None:
    stub.says(ME)
    stub.says({"message": "403 Forbidden"}, status=403)
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeDenied):
            await gitlab.publish(REPO, PUSH, report(), "1", None)


async def test_a_handle_that_is_not_ours_is_an_error(stub: Stub) -> None:
    async with stub.gitlab() as gitlab:
        for handle in ("check:7", "status:x:y:z", ""):
            stub.says(ME)
            with pytest.raises(Exception, match=re.escape("no status of GitLab's")):
                await gitlab.publish(REPO, PUSH, report(), "1", handle)
