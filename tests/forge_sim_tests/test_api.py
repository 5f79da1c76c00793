"""Tokens, permissions, check runs, statuses, comments and merging over the REST API."""

from __future__ import annotations

import base64
import time

import pytest

from tests.forge_sim import ForgeCallFailed, checking
from tests.forge_sim.client import PERMISSIONS

from .scene import REPO, R, Scene

OUTPUT = {"title": "All is well", "summary": "Fine."}


async def test_the_app_and_its_installations(clean_scene: Scene) -> None:
    token = clean_scene.jwt()
    assert (await clean_scene.call("GET", "/app", token=token)).body["slug"] == "ci-bot"
    listed = (await clean_scene.call("GET", "/app/installations", token=token)).body
    assert [one["id"] for one in listed] == [clean_scene.installation]
    found = await clean_scene.call("GET", f"{R}/installation", token=token)
    assert found.body["account"]["login"] == "acme"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 3600},
        {"exp": -5},
        {"iat": 300},
        {"iss": "4711"},
    ],
)
async def test_a_jwt_must_be_good(clean_scene: Scene, claims: dict[str, int | str]) -> None:
    """Moments are said from now on: a suite takes its time."""
    now = int(time.time())
    said = {name: now + each if isinstance(each, int) else each for name, each in claims.items()}
    answer = await clean_scene.call("GET", "/app", token=clean_scene.jwt(**said))
    assert answer.status == 401


async def test_tokens_are_long_scoped_and_revocable(clean_scene: Scene) -> None:
    await clean_scene.client.repo("acme/other", {"a": "1"})
    made = await clean_scene.mint(repositories=["web"], permissions={"contents": "read"})
    token = made.body["token"]
    assert token.startswith(f"ghs_{clean_scene.app['id']}_")
    assert len(token) > 300
    assert made.body["permissions"] == {"contents": "read", "metadata": "read"}
    assert (await clean_scene.call("GET", f"{R}/contents/README.md", token=token)).status == 200
    assert (await clean_scene.call("GET", "/repos/acme/other", token=token)).status == 404
    denied = await clean_scene.call("GET", f"{R}/pulls", token=token)
    assert (denied.status, denied.body["message"]) == (403, "Resource not accessible by integration")
    assert (await clean_scene.call("DELETE", "/installation/token", token=token)).status == 204
    assert (await clean_scene.call("GET", R, token=token)).status == 401


async def test_more_than_the_installation_has_is_refused(clean_scene: Scene) -> None:
    assert (await clean_scene.mint(permissions={"contents": "write"})).status == 422
    assert (await clean_scene.mint(repositories=["nothing"])).status == 422
    assert (await clean_scene.mint(repository_ids=[1])).status == 422


async def test_expired_and_suspended(clean_scene: Scene) -> None:
    control = clean_scene.client.control
    await control("POST", "/settings", {"expire_tokens": True, "token_lifetime": 5})
    assert (await clean_scene.call("GET", R)).status == 401
    clean_scene.token = (await clean_scene.mint()).body["token"]
    assert (await clean_scene.call("GET", R)).status == 200
    await control("PATCH", f"/installations/{clean_scene.installation}", {"suspended": True})
    assert (await clean_scene.call("GET", R)).status == 403
    assert (await clean_scene.mint()).status == 403
    hooks = await clean_scene.settled()
    assert hooks.names() == ["installation.suspend"]


async def test_contents_as_json_raw_and_listing(clean_scene: Scene) -> None:
    sha = await clean_scene.client.push(REPO, "x", {".ci.yaml": "on: tag\n"}, by="alice")
    path = f"{R}/contents/.ci.yaml?ref={sha}"
    found = await clean_scene.call("GET", path)
    assert base64.b64decode(found.body["content"]) == b"on: tag\n"
    raw = await clean_scene.call("GET", path, Accept="application/vnd.github.raw+json")
    assert raw.body == b"on: tag\n"
    spaced = await clean_scene.call("GET", f"{R}/contents/src/a%20file.py")
    assert spaced.body["path"] == "src/a file.py"
    listing = await clean_scene.call("GET", f"{R}/contents/")
    assert [e["name"] for e in listing.body] == [".ci.yaml", "README.md", "src"]
    assert (await clean_scene.call("GET", f"{R}/contents/none.txt")).status == 404
    tag = found.headers["ETag"]
    assert (await clean_scene.call("GET", path, If_None_Match=tag)).status == 304


async def test_permission_of_people(clean_scene: Scene) -> None:
    await clean_scene.client.organization("acme", {"olga": "maintain"})

    async def permission(login: str) -> tuple[int, str | None]:
        answer = await clean_scene.call("GET", f"{R}/collaborators/{login}/permission")
        return answer.status, answer.body.get("permission")

    assert await permission("alice") == (200, "admin")
    assert await permission("wim") == (200, "write")
    assert await permission("olga") == (200, "write")
    assert await permission("mallory") == (200, "read")
    await clean_scene.client.control("POST", "/settings", {"nonmember_404": True})
    assert await permission("mallory") == (404, None)
    answer = await clean_scene.call("GET", f"{R}/collaborators/wim/permission")
    assert answer.body["user"]["id"] == clean_scene.client.people["wim"].id


async def test_the_life_of_a_check_run(clean_scene: Scene) -> None:
    sha = await clean_scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    await clean_scene.settled()
    clean_scene.hooks.got.clear()
    made = await clean_scene.check(sha, external_id="7", status="in_progress", output=OUTPUT)
    path = f"{R}/check-runs/{made.body['id']}"
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure"}
    notes = [{**note, "message": str(n)} for n in range(50)]
    await clean_scene.call("PATCH", path, {"output": {**OUTPUT, "annotations": notes}})
    done = await clean_scene.call(
        "PATCH", path, {"conclusion": "failure", "output": {**OUTPUT, "annotations": notes[:2]}}
    )
    assert (done.body["status"], done.body["conclusion"]) == ("completed", "failure")
    assert done.body["output"]["annotations_count"] == 52
    more = await clean_scene.call("PATCH", path, {"output": {**OUTPUT, "text": "later"}})
    assert more.status == 200
    listed = await clean_scene.call("GET", f"{path}/annotations?per_page=50&page=2")
    assert len(listed.body) == 2
    hooks = await clean_scene.settled()
    assert hooks.names() == ["check_run.created", "check_run.completed", "check_suite.completed"]


async def test_a_new_attempt_is_a_new_run_of_the_same_name(clean_scene: Scene) -> None:
    client = clean_scene.client
    sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
    old = (await clean_scene.check(sha, conclusion="failure", output=OUTPUT)).body["id"]
    await client.rerequest(REPO, old, by="wim")
    assert (await client.checks(REPO, sha))[0]["conclusion"] == "failure", "the run is unchanged"
    suites = await clean_scene.call("GET", f"{R}/commits/{sha}/check-suites")
    assert [s["status"] for s in suites.body["check_suites"]] == ["queued"]
    new = (await clean_scene.check(sha, conclusion="success", output=OUTPUT)).body["id"]
    assert [run["id"] for run in await client.checks(REPO, sha)] == [new]
    assert len(await client.checks(REPO, sha, all_attempts=True)) == 2
    assert (await client.wait_check(REPO, sha, "ci-bot", after=old))["id"] == new
    asked = (await clean_scene.settled()).only("check_run.rerequested").body
    assert (asked["sender"]["login"], asked["check_run"]["id"]) == ("wim", old)
    with pytest.raises(ForgeCallFailed, match="write"):
        await client.rerequest(REPO, old, by="mallory")


async def test_buttons_appear_when_the_run_is_completed(clean_scene: Scene) -> None:
    client = clean_scene.client
    sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
    action = {"label": "Approve", "description": "Run it", "identifier": "approve"}
    run = (await clean_scene.check(sha, status="queued", actions=[action])).body["id"]
    with pytest.raises(ForgeCallFailed):
        await client.press(REPO, run, "approve", by="alice")
    await clean_scene.call("PATCH", f"{R}/check-runs/{run}", {"conclusion": "action_required"})
    await client.press(REPO, run, "approve", by="alice")
    pressed = (await clean_scene.settled()).only("check_run.requested_action").body
    assert pressed["requested_action"] == {"identifier": "approve"}


async def test_checks_belong_to_apps(clean_scene: Scene) -> None:
    sha = await clean_scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    with pytest.raises(ForgeCallFailed) as refused:
        body = {"name": "mine", "head_sha": sha}
        await clean_scene.client.api("POST", f"{R}/check-runs", body, by="alice")
    assert refused.value.status == 403
    assert (await clean_scene.check("f" * 40)).status == 422


async def test_beyond_a_thousand_runs_of_a_name_the_oldest_go(scene: Scene) -> None:
    sim = scene.forge.sim
    repo, app = sim.world.repo("acme", "web"), sim.world.app_by_slug("ci-bot")
    assert repo is not None
    assert app is not None
    body = {"name": "n", "head_sha": repo.refs["refs/heads/main"]}
    app.webhook_url = ""
    made = [await checking.create_run(sim, repo, app, body) for _ in range(1002)]
    assert list(repo.runs) == [run.id for run in made[2:]]


async def test_a_completed_check_run_is_final(scene: Scene) -> None:
    sha = await scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    run = (await scene.check(sha, conclusion="failure")).body["id"]
    for body in ({"conclusion": "success"}, {"status": "in_progress"}):
        assert (await scene.call("PATCH", f"{R}/check-runs/{run}", body)).status == 422
    assert [v["violation"] for v in scene.forge.violations] == ["product rule"] * 2
    assert await scene.client.violations() == scene.forge.violations


async def test_rules_that_the_description_does_not_hold(scene: Scene) -> None:
    client = scene.client
    sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "x", by="alice")
    bad = [
        ("POST", f"{R}/check-runs", {"name": "n", "head_sha": sha, "status": "completed"}),
        ("POST", f"{R}/statuses/{sha}", {"state": "success", "description": "x" * 141}),
        ("POST", f"{R}/issues/1/comments", {"body": "x" * 65_537}),
    ]
    for method, path, body in bad:
        assert (await scene.call(method, path, body)).status == 422
    assert len(scene.forge.violations) == 3


async def test_statuses(clean_scene: Scene) -> None:
    sha = await clean_scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    for state, context in (("pending", "ci"), ("success", "CI"), ("failure", "lint")):
        body = {"state": state, "context": context}
        assert (await clean_scene.call("POST", f"{R}/statuses/{sha}", body)).status == 201
    combined = await clean_scene.call("GET", f"{R}/commits/{sha}/status")
    assert combined.body["state"] == "failure"
    newest = {s["context"]: s["state"] for s in combined.body["statuses"]}
    assert newest == {"CI": "success", "lint": "failure"}
    assert (await clean_scene.settled()).names().count("status") == 3


async def test_comments_and_reactions(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.push(REPO, "x", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "x", by="alice")
    asked = await client.comment(REPO, 1, "/retry", by="mallory")
    path = f"{R}/issues/comments/{asked['id']}"
    first = await clean_scene.call("POST", f"{path}/reactions", {"content": "eyes"})
    again = await clean_scene.call("POST", f"{path}/reactions", {"content": "eyes"})
    assert (first.status, again.status) == (201, 200)
    assert await client.reactions(REPO, asked["id"]) == ["eyes"]
    gone = await clean_scene.call("DELETE", f"{path}/reactions/{first.body['id']}")
    assert gone.status == 204
    own = await clean_scene.call("POST", f"{R}/issues/1/comments", {"body": "one"})
    assert own.body["user"]["login"] == "ci-bot[bot]"
    assert own.body["user"]["type"] == "Bot"
    own_path = f"{R}/issues/comments/{own.body['id']}"
    assert (await clean_scene.call("PATCH", own_path, {"body": "two"})).body["body"] == "two"
    assert (await clean_scene.call("PATCH", path, {"body": "not mine"})).status == 403
    assert (await clean_scene.call("DELETE", own_path)).status == 204
    assert [c["body"] for c in await client.comments(REPO, 1)] == ["/retry"]
    hooks = await clean_scene.settled()
    assert hooks.only("issue_comment.edited").body["changes"]["body"]["from"] == "one"


async def test_the_required_check_governs_the_merge(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.protect(REPO, "ci-bot", by="alice", app_id=clean_scene.app["id"])
    first = await client.push(REPO, "x", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "x", by="alice")

    async def refusal() -> str:
        with pytest.raises(ForgeCallFailed) as refused:
            await client.merge(REPO, 1, by="wim")
        assert refused.value.status == 405
        return str(refused.value.body["message"])

    assert await refusal() == 'Required status check "ci-bot" is expected.'
    body = {"state": "success", "context": "ci-bot"}
    await client.api("POST", f"{R}/statuses/{first}", body, by="alice")
    assert "expected" in await refusal(), "a person's status does not stand for the pinned App"
    run = (await clean_scene.check(first, status="in_progress")).body["id"]
    assert "pending" in await refusal()
    await clean_scene.call("PATCH", f"{R}/check-runs/{run}", {"conclusion": "success"})
    second = await client.push(REPO, "x", {"a": "2"}, by="alice")
    assert "expected" in await refusal(), "only the newest head counts"
    await clean_scene.check(second, conclusion="failure")
    assert "failing" in await refusal()
    await clean_scene.check(second, conclusion="skipped")
    assert (await client.pull(REPO, 1))["mergeable_state"] == "clean"
    with pytest.raises(ForgeCallFailed, match="409"):
        await client.merge(REPO, 1, by="wim", sha=first)
    merged = await client.merge(REPO, 1, by="wim")
    assert merged["merged"]
    hooks = await clean_scene.settled()
    closed = hooks.only("pull_request.closed").body["pull_request"]
    assert (closed["merged"], closed["merged_by"]["login"]) == (True, "wim")
    assert hooks.got[-2].body["after"] == merged["sha"]


async def test_editing_pull_requests(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.push(REPO, "dev", {"d": "1"}, by="alice")
    await client.push(REPO, "x", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "x", by="wim", draft=True)
    await client.change_pull(REPO, 1, by="wim", base="dev", title="Other")
    await client.control("POST", "/pulls", {"repo": REPO, "number": 1, "login": "wim", "draft": False})
    await client.change_pull(REPO, 1, by="wim", state="closed")
    await client.change_pull(REPO, 1, by="wim", state="open")
    hooks = await clean_scene.settled()
    actions = [n for n in hooks.names() if n.startswith("pull_request")]
    wanted = ("opened", "edited", "ready_for_review", "closed", "reopened")
    assert actions == [f"pull_request.{action}" for action in wanted]
    changes = hooks.only("pull_request.edited").body["changes"]
    assert changes["base"]["ref"] == {"from": "main"}
    with pytest.raises(ForgeCallFailed, match="403"):
        await client.change_pull(REPO, 1, by="mallory", title="mine now")


async def test_reading_pull_requests_commits_and_branches(clean_scene: Scene) -> None:
    client = clean_scene.client
    sha = await client.push(REPO, "topic/x", {"a": "1", "README.md": None}, by="alice")
    await client.open_pull(REPO, "topic/x", by="alice")
    files = (await clean_scene.call("GET", f"{R}/pulls/1/files")).body
    assert {f["filename"]: f["status"] for f in files} == {"a": "added", "README.md": "removed"}
    of_commit = await clean_scene.call("GET", f"{R}/commits/{sha}/pulls")
    assert [p["number"] for p in of_commit.body] == [1]
    by_head = await clean_scene.call("GET", f"{R}/pulls?head=acme:topic/x&state=open&base=main")
    assert [p["number"] for p in by_head.body] == [1]
    compared = (await clean_scene.call("GET", f"{R}/compare/main...{sha}")).body
    assert (compared["status"], compared["ahead_by"]) == ("ahead", 1)
    commit = (await clean_scene.call("GET", f"{R}/commits/topic/x")).body
    assert (commit["sha"], commit["author"]["login"]) == (sha, "alice")
    assert (await clean_scene.call("GET", f"{R}/branches/topic/x")).body["commit"]["sha"] == sha
    assert (await clean_scene.call("GET", f"{R}/git/ref/heads/topic/x")).body["object"]["sha"] == sha
    names = [b["name"] for b in (await clean_scene.call("GET", f"{R}/branches")).body]
    assert names == ["main", "topic/x"]
    number = (await clean_scene.call("GET", R)).body["id"]
    same = await clean_scene.call("GET", f"/repositories/{number}/pulls/1/files")
    assert [f["filename"] for f in same.body] == [f["filename"] for f in files]


async def test_manifest_conversion(clean_scene: Scene) -> None:
    manifest = {"name": "My CI", "url": "http://x/", "default_permissions": PERMISSIONS}
    made = await clean_scene.client.control("POST", "/manifests", manifest)
    path = f"/app-manifests/{made['code']}/conversions"
    app = await clean_scene.call("POST", path, token="")
    assert app.status == 201
    assert app.body["pem"].startswith("-----BEGIN RSA PRIVATE KEY")
    assert {"webhook_secret", "client_id", "client_secret"} <= set(app.body)
    assert (await clean_scene.call("POST", path, token="")).status == 404
