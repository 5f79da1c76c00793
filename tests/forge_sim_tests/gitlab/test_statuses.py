"""Commit statuses: where they go, which changes are allowed, what they fold to, and what they gate."""

from __future__ import annotations

import pytest

from tests.forge_sim.gitlab.pipelines import fold

from .scene import REPO, P, Scene

CANNOT = "Cannot transition status via :{} from :{}"


async def test_statuses_of_a_commit_stand_in_one_external_pipeline(scene: Scene) -> None:
    sha, number = await scene.opened()
    first = (await scene.status(sha, "pending", ref="feature", description="waits")).body
    job = (await scene.status(sha, "running", "ci-bot/test", pipeline_id=first["pipeline_id"])).body
    moved = (await scene.status(sha, "running", ref="feature", target_url="http://ci/log")).body
    assert (moved["id"], moved["status"], moved["started_at"] is None) == (
        first["id"],
        "running",
        False,
    )
    assert job["pipeline_id"] == moved["pipeline_id"]
    assert (moved["description"], moved["target_url"]) == ("waits", "http://ci/log")
    shown = (await scene.call("GET", f"{P}/merge_requests/{number}")).body["head_pipeline"]
    assert (shown["id"], shown["source"], shown["status"]) == (
        first["pipeline_id"],
        "external",
        "running",
    )
    await scene.status(sha, "success", ref="feature", coverage=87.5)
    await scene.status(sha, "failed", "ci-bot/test", ref="feature")
    whole = (await scene.call("GET", f"{P}/pipelines/{first['pipeline_id']}")).body
    assert (whole["status"], whole["coverage"]) == ("failed", "87.50")
    again = (await scene.status(sha, "running", "ci-bot/test", ref="feature")).body
    assert again["id"] > job["id"], "what is over is not changed: a new job hides the old one"
    path = f"{P}/repository/commits/{sha}/statuses"
    latest = (await scene.call("GET", f"{path}?name=ci-bot/test")).body
    assert [one["id"] for one in latest] == [again["id"]]
    assert len((await scene.call("GET", f"{path}?all=true")).body) == 3


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("running", "running", CANNOT.format("run", "running")),
        ("running", "pending", CANNOT.format("enqueue", "running")),
        ("pending", "pending", CANNOT.format("enqueue", "pending")),
        ("running", "skipped", CANNOT.format("skip", "running")),
    ],
)
async def test_a_change_that_is_none_is_refused_and_changes_nothing(
    scene: Scene, before: str, after: str, words: str
) -> None:
    await scene.status(scene.sha, before, ref="main", description="first")
    again = await scene.status(scene.sha, after, ref="main", description="second")
    assert (again.status, again.body["message"].startswith(words)) == (400, True)
    path = f"{P}/repository/commits/{scene.sha}/statuses"
    assert [s["description"] for s in (await scene.call("GET", path)).body] == ["first"]


async def test_what_is_not_there_or_too_long_is_refused(scene: Scene) -> None:
    sha = scene.sha
    assert (await scene.status("0" * 40, "running")).status == 404
    made = (await scene.status(sha, "running", ref="main")).body
    elsewhere = await scene.status(sha, "running", ref="other", pipeline_id=made["pipeline_id"])
    words = "404 Pipeline for pipeline_id, sha and ref Not Found"
    assert (elsewhere.status, elsewhere.body["message"]) == (404, words)
    for field in ("description", "target_url"):
        long = await scene.status(sha, "success", ref="main", **{field: "http://" + "x" * 249})
        words = "is too long (maximum is 255 characters)"
        assert (long.status, long.body) == (400, {"message": {field: [words]}})
    assert (await scene.status(sha, "success", ref="main", target_url="ftp://x")).status == 400
    await scene.client.settings(limits={"pipeline_jobs": 1})
    full = await scene.status(sha, "running", "more", pipeline_id=made["pipeline_id"])
    assert (full.status, full.body["message"]) == (422, "The number of jobs has exceeded the limit")
    other = (await scene.status(sha, "running", "more", ref="main")).body
    assert other["pipeline_id"] > made["pipeline_id"], "unasked for, a new pipeline takes it"


async def test_coverage_is_a_percentage(loose_scene: Scene) -> None:
    for coverage in (-0.1, 100.1):
        sent = await loose_scene.status(loose_scene.sha, "success", ref="main", coverage=coverage)
        assert sent.status == 400
    assert [one["violation"] for one in loose_scene.gitlab.violations] == ["request", "request"]


async def test_pipelines_too_old_are_left_alone(scene: Scene) -> None:
    made = (await scene.status(scene.sha, "running")).body
    about = {"repo": REPO, "pipeline_id": made["pipeline_id"]}
    await scene.client.control("POST", "/archive", about)
    assert (await scene.status(scene.sha, "success")).body["pipeline_id"] > made["pipeline_id"]


async def test_another_persons_status_of_the_same_name_is_another(scene: Scene) -> None:
    mine = (await scene.status(scene.sha, "running", ref="main")).body
    path = f"{P}/statuses/{scene.sha}"
    body = {"state": "success", "name": "ci-bot", "ref": "main"}
    theirs = (await scene.call("POST", path, body, by="alice")).body
    assert (theirs["id"] > mine["id"], theirs["pipeline_id"]) == (True, mine["pipeline_id"])
    shown = await scene.client.checks(REPO, scene.sha)
    assert [check["id"] for check in shown] == [theirs["id"]]


async def test_a_developer_may_not_set_statuses_of_protected_branches(scene: Scene) -> None:
    body = {"state": "success", "ref": "main"}
    path = f"{P}/statuses/{scene.sha}"
    assert (await scene.call("POST", path, body, by="wim")).status == 403
    assert (await scene.call("POST", path, {**body, "ref": "topic"}, by="wim")).status == 201
    assert (await scene.call("POST", path, body, by="mallory")).status == 403
    assert (await scene.call("POST", path, body, token="")).status == 401
    reads = await scene.client.token(scene.bot["slug"], "read_api")
    refused = await scene.call("POST", path, body, token=reads)
    assert (refused.status, refused.body["error"]) == (403, "insufficient_scope")


async def test_a_forks_merge_request_is_gated_by_the_forks_statuses_alone(scene: Scene) -> None:
    client = scene.client
    await client.protect(REPO, "ci-bot", by="alice")
    fork = await client.fork(REPO, "mallory")
    sha = await client.push("mallory/web", "evil", {"a": "1"}, by="mallory")
    number = (await client.open_pull(REPO, "mallory:evil", by="mallory"))["number"]
    nowhere = await scene.status(sha, "success")
    assert (nowhere.status, nowhere.body["message"]) == (404, "404 References for commit Not Found")
    assert (await scene.status(sha, "success", ref="evil")).status == 201, "with a ref it is taken"
    assert (await client.pull(REPO, number))["mergeable_state"] == "blocked", "and gates nothing"
    path = f"/projects/{fork['id']}/statuses/{sha}"
    body = {"state": "success", "name": "ci-bot", "ref": "evil"}
    assert (await scene.call("POST", path, body)).status == 403, "the bot is no member of the fork"
    await client.collaborator("mallory/web", scene.bot["slug"], "write")
    assert (await scene.call("POST", path, body)).status == 201
    assert (await client.pull(REPO, number))["mergeable_state"] == "clean"
    assert (await client.wait_check(REPO, sha, "ci-bot"))["conclusion"] == "success"


async def test_pipelines_must_succeed(scene: Scene) -> None:
    client = scene.client
    await client.protect(REPO, "ci-bot", by="alice")
    sha, number = await scene.opened()

    async def state() -> str:
        return str(
            (await scene.call("GET", f"{P}/merge_requests/{number}")).body["detailed_merge_status"]
        )

    assert await state() == "ci_must_pass"
    await scene.status(sha, "pending", ref="feature")
    assert await state() == "ci_still_running"
    refused = await scene.call("PUT", f"{P}/merge_requests/{number}/merge", by="alice")
    assert (refused.status, refused.body["message"]) == (405, "405 Method Not Allowed")
    path = f"{P}/merge_requests/{number}/merge"
    waits = await scene.call("PUT", path, {"auto_merge": True}, by="alice")
    assert waits.body["merge_when_pipeline_succeeds"] is True
    await scene.status(sha, "success", ref="feature")
    assert (await client.pull(REPO, number))["merged"] is True
    hooks = await scene.settled()
    assert hooks.names()[-2:] == ["merge_request.merge", "push"]
    assert hooks.got[-1].body["ref"] == "refs/heads/main"


@pytest.mark.parametrize(
    ("states", "folded"),
    [
        (["success", "skipped"], "success"),
        (["skipped"], "skipped"),
        (["pending", "success"], "running"),
        (["pending", "skipped"], "pending"),
        (["failed", "running"], "running"),
        (["failed", "success"], "failed"),
        (["canceled", "success"], "canceled"),
        (["canceled", "failed"], "failed"),
        ([], "created"),
    ],
)
def test_what_a_pipeline_folds_to(states: list[str], folded: str) -> None:
    assert fold(states) == folded
