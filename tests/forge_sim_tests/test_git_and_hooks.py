"""Real pushes and the signed webhooks they set off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.forge_sim import ForgeCallFailed
from tests.forge_sim.gitpush import git

from .scene import REPO, R, Scene, receiving

NULL = "0" * 40


async def test_a_push_is_told_with_before_after_and_files(clean_scene: Scene) -> None:
    client = clean_scene.client
    first = await client.push(REPO, "feature", {"a.txt": "1", "b/c.txt": "2"}, by="alice")
    second = await client.push(REPO, "feature", {"a.txt": None, "b/c.txt": "3"}, by="alice")
    hooks = await clean_scene.settled()
    assert all(one.signed() for one in hooks.got)
    wanted = ("push", "create", "check_suite.requested", "push", "check_suite.requested")
    assert hooks.names() == list(wanted)
    made, moved = (one.body for one in hooks.got if one.event == "push")
    assert (made["ref"], made["created"], made["before"]) == ("refs/heads/feature", True, NULL)
    assert [c["id"] for c in made["commits"]] == [first]
    assert sorted(made["head_commit"]["added"]) == ["a.txt", "b/c.txt"]
    assert (moved["before"], moved["after"], moved["forced"]) == (first, second, False)
    assert moved["head_commit"]["removed"] == ["a.txt"]
    assert moved["head_commit"]["modified"] == ["b/c.txt"]
    assert moved["sender"]["login"] == moved["pusher"]["name"] == "alice"
    assert moved["installation"]["id"] == clean_scene.installation


async def test_headers_of_a_delivery(clean_scene: Scene) -> None:
    await clean_scene.client.push(REPO, "x", {"a": "1"}, by="wim")
    headers = (await clean_scene.settled()).got[0].headers
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(clean_scene.app["id"])
    assert headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert headers["X-Hub-Signature"].startswith("sha1=")
    assert len(headers["X-GitHub-Delivery"]) == 36


async def test_force_push_delete_and_tags(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.push(REPO, "topic", {"a": "1"}, by="alice")
    await client.push(REPO, "topic", {"a": "2"}, by="alice", force=True)
    await client.push_refs(REPO, "HEAD:refs/tags/v1", by="alice")
    await client.push_refs(REPO, ":refs/heads/topic", by="alice")
    hooks = await clean_scene.settled()
    pushes = [one.body for one in hooks.got if one.event == "push"]
    assert [p["forced"] for p in pushes] == [False, True, False, False]
    assert pushes[2]["ref"] == "refs/tags/v1"
    assert pushes[3]["deleted"]
    assert pushes[3]["head_commit"] is None
    assert hooks.only("delete").body["ref_type"] == "branch"


async def test_four_tags_at_once_say_nothing(clean_scene: Scene) -> None:
    tags = [f"HEAD:refs/tags/v{n}" for n in range(4)]
    await clean_scene.client.push_refs(REPO, *tags, by="alice")
    assert (await clean_scene.settled()).names() == []
    tags = [f"HEAD:refs/tags/w{n}" for n in range(4)]
    await clean_scene.client.push_refs(REPO, *tags, "HEAD:refs/heads/too", by="alice")
    assert (await clean_scene.settled()).names()[:2] == ["push", "create"], "the branch is told"


async def test_pull_request_of_the_repository_itself(clean_scene: Scene) -> None:
    client = clean_scene.client
    first = await client.push(REPO, "feature", {"a": "1"}, by="alice")
    pull = await client.open_pull(REPO, "feature", by="alice")
    assert (pull["mergeable"], pull["mergeable_state"], pull["commits"]) == (True, "clean", 1)
    second = await client.push(REPO, "feature", {"a": "2"}, by="alice")
    hooks = await clean_scene.settled()
    moved = hooks.only("pull_request.synchronize").body
    assert (moved["before"], moved["after"]) == (first, second)
    assert moved["pull_request"]["head"]["sha"] == second
    assert moved["pull_request"]["mergeable"] is None
    assert hooks.names().index("push") < hooks.names().index("pull_request.opened")


async def test_pull_request_of_a_fork_is_told_on_the_base_only(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.fork(REPO, "mallory")
    await client.push("mallory/web", "evil", {"a": "1"}, by="mallory")
    pull = await client.open_pull(REPO, "mallory:evil", by="mallory")
    head = await client.push("mallory/web", "evil", {"a": "2"}, by="mallory")
    hooks = await clean_scene.settled()
    assert hooks.names() == ["pull_request.opened", "pull_request.synchronize"]
    opened = hooks.got[0].body
    assert opened["repository"]["full_name"] == REPO
    assert opened["pull_request"]["head"]["repo"]["full_name"] == "mallory/web"
    assert opened["pull_request"]["author_association"] == "NONE"
    assert (await client.pull(REPO, pull["number"]))["head"]["sha"] == head
    # A check on a fork's head is possible, and names no pull request.
    made = await clean_scene.check(head)
    assert made.status == 201
    assert made.body["pull_requests"] == []


async def test_fetching_pull_heads_and_exact_shas(scene: Scene, tmp_path: Path) -> None:
    client = scene.client
    await client.fork(REPO, "mallory")
    first = await client.push("mallory/web", "evil", {"a": "1"}, by="mallory")
    await client.open_pull(REPO, "mallory:evil", by="mallory")
    second = await client.push("mallory/web", "evil", {"a": "2"}, by="mallory")
    remote = f"{scene.forge.url}/{REPO}.git"
    await git(tmp_path, "init", "--quiet", ".")
    await git(tmp_path, "fetch", "--quiet", "--depth=1", remote, "refs/pull/1/head")
    assert (await git(tmp_path, "rev-parse", "FETCH_HEAD")).strip() == second
    await git(tmp_path, "fetch", "--quiet", "--depth=1", remote, first)
    assert (await git(tmp_path, "cat-file", "-t", first)).strip() == "commit"


async def test_pull_refs_cannot_be_pushed(scene: Scene) -> None:
    with pytest.raises(ForgeCallFailed, match="hidden ref"):
        await scene.client.push_refs(REPO, "HEAD:refs/pull/7/head", by="alice")


@pytest.mark.parametrize(
    ("user", "works"),
    [("x-access-token", True), ("alice", True), ("mallory", False), (None, False)],
)
async def test_private_repositories_need_a_token(
    scene: Scene, tmp_path: Path, user: str | None, works: bool
) -> None:
    await scene.client.repo("acme/secret", {"a": "1"}, private=True, collaborators={"alice": "read"})
    tokens = {login: person.token for login, person in scene.client.people.items()}
    tokens["x-access-token"] = (await scene.mint(repositories=["secret"])).body["token"]
    host = scene.forge.url.removeprefix("http://")
    place = f"{user}:{tokens[user]}@{host}" if user else host
    cloning = git(tmp_path, "clone", "--quiet", f"http://{place}/acme/secret.git", "here")
    if works:
        await cloning
    else:
        with pytest.raises(ForgeCallFailed):
            await cloning


async def test_an_installation_with_contents_read_cannot_push(scene: Scene, tmp_path: Path) -> None:
    host = scene.forge.url.removeprefix("http://")
    await git(tmp_path, "clone", "--quiet", f"{scene.forge.url}/{REPO}.git", "here")
    remote = f"http://x-access-token:{scene.token}@{host}/{REPO}.git"
    with pytest.raises(ForgeCallFailed, match="403"):
        await git(tmp_path / "here", "push", remote, "HEAD:refs/heads/nope")


async def test_deleting_the_head_branch_closes_the_pull_request(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.push(REPO, "feature", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "feature", by="alice")
    await client.push_refs(REPO, ":refs/heads/feature", by="alice")
    closed = (await clean_scene.settled()).only("pull_request.closed").body
    assert closed["pull_request"]["merged"] is False


async def test_failed_deliveries_are_listed_and_redelivered(clean_scene: Scene) -> None:
    hooks = clean_scene.hooks
    hooks.answer = 500
    await clean_scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    await clean_scene.settled()
    assert len(hooks.got) == 3, "nothing is redelivered by itself"
    path = "/app/hook/deliveries"
    failed = await clean_scene.call("GET", f"{path}?status=failure&per_page=2", token=clean_scene.jwt())
    assert [d["event"] for d in failed.body] == ["check_suite", "create"]
    assert 'rel="next"' in failed.headers["Link"]
    rest = failed.headers["Link"].split(";")[0].strip("<>").split("/api/v3")[1]
    oldest = (await clean_scene.call("GET", rest, token=clean_scene.jwt())).body[0]
    assert (oldest["event"], oldest["status_code"]) == ("push", 500)
    one = await clean_scene.call("GET", f"{path}/{oldest['id']}", token=clean_scene.jwt())
    assert one.body["request"]["payload"]["ref"] == "refs/heads/x"
    hooks.answer = 202
    again = await clean_scene.call("POST", f"{path}/{oldest['id']}/attempts", token=clean_scene.jwt())
    assert again.status == 202
    await clean_scene.settled()
    assert hooks.got[-1].headers["X-GitHub-Delivery"] == oldest["guid"]
    assert hooks.got[-1].raw == hooks.got[0].raw
    newest = (await clean_scene.call("GET", path, token=clean_scene.jwt())).body[0]
    assert (newest["redelivery"], newest["status"]) == (True, "OK")


async def test_webhook_faults(clean_scene: Scene) -> None:
    client, hooks = clean_scene.client, clean_scene.hooks
    await client.fault("hook_drop", "^push$", times=1)
    await client.fault("hook_double", "^create$")
    await client.fault("hook_corrupt", "^check_suite")
    await client.push(REPO, "x", {"a": "1"}, by="alice")
    await clean_scene.settled()
    assert hooks.names() == ["create", "create", "check_suite.requested"]
    assert not hooks.got[2].signed()
    listed = await clean_scene.call("GET", "/app/hook/deliveries", token=clean_scene.jwt())
    assert [d["event"] for d in listed.body if d["status"] != "OK"] == ["push"]
    await client.clear_faults()
    hooks.got.clear()
    await client.fault("hook_delay", "^push$", seconds=0.2)
    await client.push(REPO, "x", {"a": "2"}, by="alice")
    await clean_scene.settled()
    assert hooks.names() == ["check_suite.requested", "push"]


async def test_only_apps_that_asked_hear_of_it(clean_scene: Scene) -> None:
    client = clean_scene.client
    async with receiving() as other:
        events = ("issue_comment",)
        permissions = {"contents": "read"}
        app = await client.app("quiet", webhook_url=other.url, events=events, permissions=permissions)
        await client.install(app["id"], "acme")
        sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
        await client.open_pull(REPO, "x", by="alice")
        await clean_scene.check(sha)
        await client.comment(REPO, 1, "hello", by="mallory")
        await clean_scene.settled()
        assert other.names() == ["installation.created", "issue_comment.created"]
        comment = other.got[1].body
        assert comment["issue"]["pull_request"]["url"].endswith("/pulls/1")
        assert "head" not in comment["issue"]


async def test_hand_made_deliveries(clean_scene: Scene) -> None:
    status = await clean_scene.client.deliver(clean_scene.app["id"], "ping", {"zen": "é"})
    assert status == 202
    assert clean_scene.hooks.got[0].signed()
    raw = '{"not": "json'
    await clean_scene.client.deliver(clean_scene.app["id"], "push", raw, {"X-Extra": "1"})
    assert clean_scene.hooks.got[1].raw == raw.encode()


async def test_renamed_transferred_deleted(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.organization("newco", {"alice": "admin"})
    await client.install(clean_scene.app["id"], "newco")
    await client.api("PATCH", R, {"name": "site"}, by="alice")
    moved = await clean_scene.call("GET", f"{R}/contents/README.md")
    assert moved.status == 200, "followed the redirect to the numeric id"
    await client.api("POST", "/repos/acme/site/transfer", {"new_owner": "newco"}, by="alice")
    await client.api("DELETE", "/repos/newco/site", by="alice")
    hooks = await clean_scene.settled()
    wanted = [f"repository.{action}" for action in ("renamed", "transferred", "deleted")]
    assert [n for n in hooks.names() if n.startswith("repository")] == wanted
    assert hooks.only("repository.renamed").body["changes"]["repository"]["name"]["from"] == "web"


@pytest.mark.parametrize("program", ["tests.forge_sim", "tests.forge_sim.gitlab"])
def test_as_a_process_of_its_own(tmp_path: Path, program: str) -> None:
    announced = tmp_path / "address.json"
    options = ("--data", str(tmp_path / "d"), "--announce", str(announced))
    command = [sys.executable, "-m", program, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        assert process.wait(5) == 0
    assert line.decode().strip() == announced.read_text()
