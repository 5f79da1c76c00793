"""The REST API as its callers know it: access, tokens, members, files, merge requests, notes, limits."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.forge_sim import ForgeCallFailed

from .scene import REPO, P, Scene


async def test_projects_are_found_by_id_and_by_path_at_any_depth(scene: Scene) -> None:
    found = (await scene.call("GET", P)).body
    assert (found["path_with_namespace"], found["namespace"]["full_path"]) == (REPO, "acme/shop")
    assert (await scene.call("GET", f"/projects/{found['id']}")).body == found
    await scene.client.rename(REPO, "acme/shop/site")
    assert (await scene.call("GET", P)).body["path_with_namespace"] == "acme/shop/site"
    assert (await scene.call("GET", "/projects/9")).body == {"message": "404 Project Not Found"}
    inside = (await scene.call("GET", "/groups/acme/projects?include_subgroups=true")).body
    assert [one["id"] for one in inside] == [found["id"]]
    assert (await scene.call("GET", "/groups/acme/projects")).body == []


async def test_levels_are_inherited_and_fail_closed(scene: Scene) -> None:
    ids = {login: person.id for login, person in scene.client.people.items()}
    path = f"{P}/members/all"
    levels = {login: (await scene.call("GET", f"{path}/{ids[login]}")).body for login in ids}
    assert levels["alice"]["access_level"] == 40, "of the group above"
    assert levels["wim"]["access_level"] == 30
    assert levels["mallory"] == {"message": "404 Not found"}
    assert (await scene.call("GET", f"{P}/members/{ids['alice']}")).status == 404, "not of its own"
    await scene.client.block("wim")
    assert (await scene.call("GET", f"{path}/{ids['wim']}")).body["state"] == "blocked"
    assert (await scene.call("GET", P, by="wim")).status == 403
    about = {"repo": "acme", "login": "alice", "permission": "maintain", "expires_at": "2026-01-01"}
    await scene.client.control("POST", "/collaborators", about)
    assert (await scene.call("GET", f"{path}/{ids['alice']}")).body["expires_at"] == "2026-01-01"
    hooks = await scene.call("GET", f"{P}/hooks", by="alice")
    assert hooks.status == 403, "what is over counts no more"


async def test_tokens_tell_of_themselves_and_end(scene: Scene) -> None:
    path = "/personal_access_tokens/self"
    ends = await scene.client.token(scene.bot["slug"], "api", expires_at="2099-01-31")
    told = (await scene.call("GET", path, token=ends)).body
    assert (told["expires_at"], told["active"], told["scopes"]) == ("2099-01-31", True, ["api"])
    assert (await scene.call("GET", "/user", token=ends)).body["bot"] is True
    await scene.client.control("POST", "/tokens", {"token": ends, "expires_at": "2026-01-31"})
    over = await scene.call("GET", path, token=ends)
    assert (over.status, over.body["error"]) == (401, "invalid_token")
    assert (await scene.call("GET", path, token="glpat-none")).body == {"message": "401 Unauthorized"}
    assert (await scene.call("GET", "/version", token="")).status == 401


async def test_files_trees_and_comparisons_at_a_ref(scene: Scene) -> None:
    raw = await scene.call("GET", f"{P}/repository/files/src%2Fa%20file.py/raw?ref={scene.sha}")
    assert (raw.body, raw.headers["X-Gitlab-Commit-Id"]) == (b"x = 1\n", scene.sha)
    file = (await scene.call("GET", f"{P}/repository/files/.ci.yaml?ref=main")).body
    assert base64.b64decode(file["content"]) == b"on: push\n"
    gone = await scene.call("GET", f"{P}/repository/files/none/raw?ref=main")
    assert (gone.status, gone.body) == (404, {"message": "404 File Not Found"})
    unknown = await scene.call("GET", f"{P}/repository/files/x/raw?ref=none")
    assert unknown.body == {"message": "404 Commit Not Found"}
    tree = (await scene.call("GET", f"{P}/repository/tree")).body
    assert [(e["name"], e["type"]) for e in tree][-1] == ("src", "tree")
    await scene.client.push(REPO, "x", {"README.md": "bye\n", "new": "1"}, by="wim")
    told = (await scene.call("GET", f"{P}/repository/compare?from=main&to=x")).body
    assert [d["new_path"] for d in told["diffs"]] == ["README.md", "new"]
    branch = (await scene.call("GET", f"{P}/repository/branches/main")).body
    assert (branch["protected"], branch["commit"]["id"]) == (True, scene.sha)


async def test_pages_are_linked(scene: Scene) -> None:
    await scene.opened(**{f"f{number}": "1" for number in range(4)})
    first = await scene.call("GET", f"{P}/merge_requests/1/diffs?per_page=2")
    assert [first.headers[f"X-{n}"] for n in ("Total", "Total-Pages", "Next-Page")] == ["5", "3", "2"]
    following = next(p for p in first.headers["Link"].split(", ") if 'rel="next"' in p)
    second = await scene.call("GET", following.split(">")[0].strip("<"))
    paths = [d["new_path"] for d in (*first.body, *second.body)]
    assert paths == ["a.txt", "f0", "f1", "f2"]
    assert (await scene.call("GET", f"{P}/merge_requests/1/changes")).body["changes_count"] == "5"


async def test_diffs_are_cut_and_say_so(scene: Scene) -> None:
    await scene.client.settings(limits={"diff_files": 2})
    await scene.opened(b="1", c="1")
    assert len((await scene.call("GET", f"{P}/merge_requests/1/diffs")).body) == 2
    assert (await scene.call("GET", f"{P}/merge_requests/1")).body["changes_count"] == "2+"
    told = (await scene.call("GET", f"{P}/repository/compare?from=main&to=feature")).body
    assert len(told["diffs"]) == 2


async def test_pushes_are_kept_as_events(scene: Scene) -> None:
    sha = await scene.client.push(REPO, "x", {"a": "1"}, by="wim", message="One")
    await scene.client.push_refs(REPO, *[f"HEAD:refs/heads/y{n}" for n in range(4)], by="wim")
    many, first = (await scene.call("GET", f"{P}/events?action=pushed")).body
    assert (first["action_name"], first["author_username"]) == ("pushed new", "wim")
    data = first["push_data"]
    assert (data["ref"], data["commit_from"], data["commit_to"]) == ("x", None, sha)
    assert (many["push_data"]["ref"], many["push_data"]["ref_count"]) == (None, 4)


async def test_a_merge_request_is_changed_closed_and_opened_again(scene: Scene) -> None:
    client = scene.client
    _, number = await scene.opened()
    await client.push(REPO, "release", {"r": "1"}, by="wim")
    await client.draft(REPO, number, True, by="wim")
    assert (await client.pull(REPO, number))["mergeable_state"] == "draft"
    await client.draft(REPO, number, False, by="wim")
    await client.change_pull(REPO, number, by="wim", base="release", title="Better")
    await client.label(REPO, number, "urgent", by="wim")
    await client.change_pull(REPO, number, by="wim", state="closed")
    await client.change_pull(REPO, number, by="wim", state="open")
    hooks = [one.body for one in (await scene.settled()).got if "merge_request" in one.name]
    actions = [one["object_attributes"]["action"] for one in hooks]
    assert actions == ["open", "update", "update", "update", "update", "close", "reopen"]
    assert hooks[1]["changes"]["draft"] == {"previous": False, "current": True}
    assert hooks[3]["changes"]["target_branch"] == {"previous": "main", "current": "release"}
    with pytest.raises(ForgeCallFailed, match="already exists"):
        await client.open_pull(REPO, "feature", by="wim", base="release")
    with pytest.raises(ForgeCallFailed, match="403"):
        await client.change_pull(REPO, number, by="mallory", title="Mine")


async def test_notes_and_emoji(scene: Scene) -> None:
    client = scene.client
    _, number = await scene.opened()
    said = await client.comment(REPO, number, "/retry", by="mallory")
    await client.edit_comment(REPO, said["id"], "/cancel", by="mallory")
    emojis = f"{P}/merge_requests/{number}/notes/{said['id']}/award_emoji"
    for name in ("eyes", "thumbsup"):
        assert (await scene.call("POST", emojis, {"name": name})).status == 201
    twice = await scene.call("POST", emojis, {"name": "eyes"})
    assert (twice.status, "already been taken" in twice.body["message"]) == (404, True)
    assert await client.reactions(REPO, said["id"]) == ["eyes", "+1"]
    path = f"{P}/merge_requests/{number}/notes"
    assert (await scene.call("POST", path, {"body": " "})).status == 400
    assert [one["body"] for one in await client.comments(REPO, number)] == ["/cancel"]
    with pytest.raises(ForgeCallFailed, match="403"):
        await client.delete_comment(REPO, said["id"], by="wim")
    await client.delete_comment(REPO, said["id"], by="mallory")
    hooks = await scene.settled()
    made, changed = hooks.only("note.create").body, hooks.only("note.update").body
    assert (made["user"]["username"], made["object_attributes"]["note"]) == ("mallory", "/retry")
    assert (made["merge_request"]["iid"], made["object_attributes"]["system"]) == (number, False)
    assert changed["object_attributes"]["note"] == "/cancel"


async def test_gitlab_takes_its_own_quick_actions_out_of_comments(scene: Scene) -> None:
    client = scene.client
    sha, number = await scene.opened()
    with pytest.raises(ForgeCallFailed, match="quick action"):
        await client.comment(REPO, number, f"/approve {sha}", by="alice")
    for text in (f"/ci approve {sha}", f" /approve {sha}", "/retry", "`/approve`", "> /approve x"):
        said = await client.comment(REPO, number, f"Well.\n\n{text}\n/title Better\n", by="wim")
        assert text.strip() in said["body"]
        assert ("/title" in said["body"]) is text.startswith(">"), "a quote goes on, lazily"
    hooks = await scene.settled()
    notes = [one for one in hooks.got if one.name == "note.create"]
    assert len(notes) == 5, "of the first one nobody heard"
    assert hooks.only("merge_request.approved").body["user"]["username"] == "alice"


async def test_internal_notes_are_told_to_who_asked_for_them(scene: Scene) -> None:
    _, number = await scene.opened()
    path = f"{P}/merge_requests/{number}/notes"
    await scene.call("POST", path, {"body": "psst", "internal": True}, by="wim")
    assert "note.create" not in (await scene.settled()).names()
    assert (await scene.call("GET", path, by="mallory")).body == []
    assert len((await scene.call("GET", path)).body) == 1


async def test_deployments_keep_their_history(scene: Scene) -> None:
    path = f"{P}/deployments"
    body = {"environment": "live", "sha": scene.sha, "ref": "main", "tag": False, "status": "running"}
    made = (await scene.call("POST", path, body)).body
    await scene.call("PUT", f"{path}/{made['id']}", {"status": "success"})
    shown = await scene.client.deployments(REPO, scene.sha)
    assert shown == [("live", [{"state": "in_progress"}, {"state": "success"}])]
    assert (await scene.call("POST", path, body, by="mallory")).status == 403


async def test_limits_say_when_to_come_back(loose_scene: Scene) -> None:
    scene = loose_scene
    _, number = await scene.opened()
    await scene.client.settings(limits={"notes_a_minute": 1}, reset_limits=True)
    path = f"{P}/merge_requests/{number}/notes"
    assert (await scene.call("POST", path, {"body": "one"})).status == 201
    second = await scene.call("POST", path, {"body": "two"})
    assert (second.status, "too many times" in second.body["message"]["error"]) == (429, True)
    assert "Retry-After" not in second.headers
    await scene.client.settings(limits={"requests_a_minute": 1}, reset_limits=True)
    first = await scene.call("GET", "/user")
    assert first.headers["RateLimit-Remaining"] == "0"
    refused = await scene.call("GET", "/user")
    assert (refused.status, refused.body) == (429, b"Retry later\n")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert scene.gitlab.violations == [], "it is within what may be on its way"


async def test_what_is_not_described_is_a_violation(loose_scene: Scene) -> None:
    scene = loose_scene
    assert (await scene.call("GET", f"{P}?nonsense=1")).status == 200
    assert (await scene.call("GET", "/projects/1/nothing")).status == 404
    wrong = await scene.status(scene.sha, "action_required")
    assert (wrong.status, wrong.body) == (400, {"error": "state does not have a valid value"})
    kinds = [one["violation"] for one in scene.gitlab.violations]
    assert kinds == ["request", "path", "request"]


async def test_faults_strike_and_the_ledger_tells(scene: Scene) -> None:
    client = scene.client
    await client.fault("status_after", f"POST {P.replace('%2F', '/')}/statuses", status=409, times=1)
    await client.fault("cut_after", "POST .*/notes", times=1)
    assert (await scene.status(scene.sha, "running", ref="main")).status == 409
    assert (await scene.status(scene.sha, "success", ref="main")).status == 201
    entries = [one for one in await client.ledger() if "/statuses/" in one.get("path", "")]
    assert [(one["status"], one.get("fault")) for one in entries] == [
        (409, "status_after"),
        (201, None),
    ]
    assert entries[0]["made"] == entries[1]["made"]
    assert entries[0]["who"] == "user:ci-bot"
    text = Path(scene.gitlab.sim.ledger.path).read_text()
    assert str(scene.bot["token"]) not in text
    assert json.loads(text.splitlines()[0])["n"] == 1
