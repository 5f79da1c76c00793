"""Check runs on the simulated forge, and what a report becomes on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from ci_bot.core.convergence import FoundCheck
from ci_bot.core.errors import ForgeDenied, ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.values import Annotation, CheckReport, CheckState, Conclusion, Spot
from ci_bot.forges.github.checks import body_of
from ci_bot.ports import ForgeReports
from tests.forges.github.scene import Scene, Stub

RUNNING = CheckReport(
    name="ci-bot",
    state=CheckState.IN_PROGRESS,
    conclusion=None,
    title="1 of 2 jobs",
    summary="| job | state |",
    details_url="https://ci.example.com/runs/1",
    started_at=1_795_183_200.0,
)
FAILED = replace(
    RUNNING,
    state=CheckState.COMPLETED,
    conclusion=Conclusion.FAILURE,
    title="1 job failed",
    text="the tail",
    finished_at=1_795_183_260.0,
)


def marked(count: int) -> CheckReport:
    return replace(
        FAILED,
        annotations=tuple(
            Annotation(".ci.yaml", line, f"remark {line}", title="unknown key", column=3)
            for line in range(1, count + 1)
        ),
    )


async def remarks(scene: Scene, handle: str) -> list[str]:
    found, page = [], 1
    while page < 10:
        url = f"/repos/acme/web/check-runs/{number(handle)}/annotations?per_page=100&page={page}"
        listed = await scene.client.api("GET", url, by="alice")
        found += [one["message"] for one in listed]
        page += 1
    return found


def number(handle: str) -> int:
    kind, _, text = handle.partition(":")
    assert kind == "check"
    return int(text)


def test_it_is_what_the_port_asks_for(scene: Scene) -> None:
    reports: ForgeReports = scene.github
    assert reports is scene.github


async def test_a_check_from_its_beginning_to_its_end(scene: Scene) -> None:
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x-1", None)
    again = await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, "x-1", handle)
    assert again == handle
    [check] = await scene.client.checks("acme/web", scene.sha)
    assert (check["id"], check["name"], check["external_id"]) == (number(handle), "ci-bot", "x-1")
    assert (check["status"], check["conclusion"]) == ("completed", "failure")
    assert check["details_url"] == "https://ci.example.com/runs/1"
    assert check["started_at"] == "2026-11-20T14:00:00Z"
    assert check["completed_at"] == "2026-11-20T14:01:00Z"
    output = check["output"]
    assert (output["title"], output["summary"]) == ("1 job failed", "| job | state |")
    assert output["text"] == "the tail"
    assert scene.asked() == ["POST /check-runs", f"PATCH /check-runs/{number(handle)}"]


async def test_a_new_attempt_is_a_new_check_of_the_same_name(scene: Scene) -> None:
    first = await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, "x-1", None)
    second = await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x-2", None)
    assert first != second
    found = await scene.client.checks("acme/web", scene.sha, all_attempts=True)
    assert [one["external_id"] for one in found] == ["x-2", "x-1"]


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
async def test_annotations_of_a_new_check_go_in_batches_of_fifty(scene: Scene, count: int) -> None:
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), marked(count), "x", None)
    assert await remarks(scene, handle) == [f"remark {line}" for line in range(1, count + 1)]
    assert len(scene.asked()) == max(1, -(-count // 50))


async def test_annotations_go_with_the_end_alone(scene: Scene) -> None:
    early = replace(RUNNING, annotations=marked(3).annotations)
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), early, "x", None)
    await scene.github.publish(scene.repo, Spot(scene.sha), early, "x", handle)
    assert await remarks(scene, handle) == []
    await scene.github.publish(scene.repo, Spot(scene.sha), marked(60), "x", handle)
    assert len(await remarks(scene, handle)) == 60


@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
@pytest.mark.parametrize(
    "match", ["POST /repos/acme/web/check-runs", "PATCH /repos/acme/web/check-runs"]
)
async def test_no_annotation_is_there_twice_after_an_unknown_outcome(
    scene: Scene, kind: str, match: str
) -> None:
    """As the publisher does it: after a failure it looks for the check, then publishes again."""
    await scene.client.fault(kind, match, times=1)
    with pytest.raises(ForgeError):
        await scene.github.publish(scene.repo, Spot(scene.sha), marked(120), "x", None)
    found = await scene.github.find(scene.repo, scene.sha, "ci-bot", "x")
    known = found.handle if found else None
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), marked(120), "x", known)
    await scene.github.publish(scene.repo, Spot(scene.sha), marked(120), "x", handle)
    assert await remarks(scene, handle) == [f"remark {line}" for line in range(1, 121)]
    assert len(await scene.client.checks("acme/web", scene.sha, all_attempts=True)) == 1


async def test_a_check_is_found_again_by_its_external_id(scene: Scene) -> None:
    handles = {
        one: await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, one, None)
        for one in ("x", "y")
    }
    assert await scene.other().find(scene.repo, scene.sha, "ci-bot", "x") == FoundCheck(
        handles["x"], "failure"
    )
    assert await scene.other().find(scene.repo, scene.sha, "ci-bot", "z") is None
    assert await scene.other().find(scene.repo, scene.sha, "ci-bot / unit", "x") is None


async def test_a_check_is_found_among_many_attempts(scene: Scene) -> None:
    made = [
        await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, f"x{n}", None)
        for n in range(35)
    ]
    assert await scene.github.find(scene.repo, scene.sha, "ci-bot", "x0") == FoundCheck(
        made[0], "failure"
    )


async def test_another_apps_check_is_never_taken_for_ours(scene: Scene) -> None:
    other = await scene.client.app("copycat")
    tenant = await scene.client.install(other["id"], "acme")
    copycat = scene.other(app_id=other["id"], private_key=other["private_key"])
    repo = replace(scene.repo, tenant=str(tenant))
    await copycat.publish(repo, Spot(scene.sha), FAILED, "x", None)
    assert await scene.github.find(scene.repo, scene.sha, "ci-bot", "x") is None


async def test_a_forge_that_lists_other_apps_checks_too_is_not_believed(stub: Stub) -> None:
    """Older Enterprise Servers do not know the filter by App."""
    theirs = {"id": 4, "external_id": "x", "app": {"id": 2}}
    ours = {"id": 5, "external_id": "x", "app": {"id": 1}}
    stub.answers.append(web.json_response({"total_count": 2, "check_runs": [theirs, ours]}))
    repo = Repo("github", 11, "acme/web", "main", private=True, tenant="5")
    async with stub.github() as github:
        assert await github.find(repo, "a" * 40, "ci-bot", "x") == FoundCheck("check:5", None)


async def test_what_is_too_long_is_cut_and_says_so(scene: Scene) -> None:
    report = replace(FAILED, title="t" * 300, summary="ä" * 70_000, text="x" * 70_000)
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), report, "x", None)
    shown = await scene.client.api("GET", f"/repos/acme/web/check-runs/{number(handle)}", by="alice")
    output = shown["output"]
    assert len(output["summary"].encode()) <= 65_535
    assert "bytes were cut here" in output["summary"]
    assert "bytes were cut here" in output["text"]
    assert output["title"].endswith("…")


@pytest.mark.parametrize("conclusion", Conclusion)
def test_every_conclusion_is_one_that_github_has(conclusion: Conclusion) -> None:
    body = body_of(replace(FAILED, conclusion=conclusion), ())
    known = {"success", "failure", "timed_out", "cancelled", "action_required", "skipped"}
    assert body["conclusion"] in known


def test_what_is_not_known_is_left_out() -> None:
    bare = CheckReport("ci-bot", CheckState.QUEUED, None, "queued", "waits", details_url="")
    body: dict[str, Any] = body_of(bare, ())
    assert body == {
        "status": "queued",
        "output": {"title": "queued", "summary": "waits", "annotations": []},
    }


async def test_a_handle_that_is_none_of_ours_is_an_error(scene: Scene) -> None:
    with pytest.raises(ForgeError, match="no handle"):
        await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, "x", "nonsense")
    assert scene.asked() == []


# ── without the permission ───────────────────────────────────────────────────────────────────


async def without(scene: Scene, *permissions: str) -> None:
    held = {"contents": "read", "metadata": "read", "checks": "write", "statuses": "write"}
    await scene.installed(permissions={k: v for k, v in held.items() if k not in permissions})


async def test_where_checks_are_not_granted_a_commit_status_says_the_same(scene: Scene) -> None:
    await without(scene, "checks")
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x", None)
    assert handle == "status:ci-bot"
    [status] = await scene.client.statuses("acme/web", scene.sha)
    assert (status["context"], status["state"]) == ("ci-bot", "pending")
    await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, "x", handle)
    [status] = await scene.client.statuses("acme/web", scene.sha)
    assert (status["state"], status["description"]) == ("failure", "1 job failed")
    assert status["target_url"] == "https://ci.example.com/runs/1"
    assert scene.asked() == [f"POST /statuses/{scene.sha}"] * 2


async def test_a_status_need_not_be_found_to_be_written_again(scene: Scene) -> None:
    await without(scene, "checks")
    await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x", None)
    assert await scene.github.find(scene.repo, scene.sha, "ci-bot", "x") is None


async def test_where_neither_is_granted_checks_are_asked_for(scene: Scene) -> None:
    await without(scene, "checks", "statuses")
    with pytest.raises(ForgeDenied, match="checks: write"):
        await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x", None)
    with pytest.raises(ForgeDenied, match="statuses: write"):
        await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x", "status:ci-bot")


async def test_a_check_that_was_begun_is_not_ended_by_a_status(scene: Scene) -> None:
    """Both would be required from then on, and the check would hang."""
    handle = await scene.github.publish(scene.repo, Spot(scene.sha), RUNNING, "x", None)
    await without(scene, "checks")
    await scene.client.control("POST", "/settings", {"expire_tokens": True})
    with pytest.raises(ForgeDenied, match="checks: write"):
        await scene.github.publish(scene.repo, Spot(scene.sha), FAILED, "x", handle)
    assert await scene.client.statuses("acme/web", scene.sha) == []
