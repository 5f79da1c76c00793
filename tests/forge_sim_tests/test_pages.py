"""The pages: hostile text is shown and not obeyed, buttons do what they say."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from tests.forge_sim.rendering import ago, markdown

from .scene import REPO, R, Scene

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> "quoted" & <!-- gone -->'


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


async def get(scene: Scene, path: str) -> str:
    async with scene.http.get(scene.forge.url + path) as answer:
        assert answer.status == 200, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


async def post(scene: Scene, path: str, **form: str) -> tuple[int, str]:
    url = scene.forge.url + path
    async with scene.http.post(url, data=form, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def hostile_pull(scene: Scene) -> tuple[str, int]:
    """A pull request, comment and check in which everything a stranger can write is hostile."""
    client = scene.client
    await client.push(REPO, "x", {"<b>.txt": HOSTILE}, by="alice", message=HOSTILE)
    sha = await client.push(REPO, "x", {"b": "2"}, by="alice", message=HOSTILE)
    await client.open_pull(REPO, "x", by="alice", title=HOSTILE, body=HOSTILE)
    await client.comment(
        REPO, 1, f"{HOSTILE}\n\n[x](javascript:alert(3)) ![y](http://e/p.png)", by="wim"
    )
    note = {"path": HOSTILE, "start_line": 1, "end_line": 1, "annotation_level": "failure"}
    output = {"title": HOSTILE, "summary": HOSTILE, "text": HOSTILE}
    output["annotations"] = [{**note, "message": HOSTILE, "title": HOSTILE}]  # type: ignore[assignment]
    action = {"label": "<b>Go</b>", "description": '" onclick=x', "identifier": "go"}
    details = "javascript:alert(4)"
    made = await scene.check(
        sha, HOSTILE, conclusion="failure", output=output, actions=[action], details_url=details
    )
    assert made.status == 201, made.body
    return sha, made.body["id"]


async def test_hostile_text_is_shown_on_every_page(scene: Scene) -> None:
    sha, run = await hostile_pull(scene)
    paths = ["", "/pulls", "/pull/1", "/pull/1/files", f"/runs/{run}", f"/commit/{sha}"]
    pages = [await get(scene, f"/{REPO}{path}?as=alice") for path in paths]
    pages.append(await get(scene, "/"))
    for text in pages:
        seen = Seen(text)
        assert not seen.tags & {"script", "img", "iframe"}
        assert not [name for name, _ in seen.attributes if name.startswith("on")]
        links = [value for name, value in seen.attributes if name in ("href", "src", "action")]
        assert not [link for link in links if "javascript" in link or "//e/" in link]
    assert "&lt;script&gt;alert(1)" in pages[2]
    assert "gone" not in re.sub(r"&lt;!-- gone --&gt;", "", pages[4]), "HTML comments vanish"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<details><summary>More</summary>\n\n*x*\n\n</details>", "<em>x</em>"),
        ("a <!-- marker --> b", "<p>a  b</p>"),
        ("- [x] done", "<li>☑ done</li>"),
        ("<details onclick=x>", "&lt;details onclick=x&gt;"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ("<a href='http://x'>", "&lt;a href="),
        ("| a |\n|---|\n| b |", "<td>b</td>"),
    ],
)
def test_markdown_is_the_forges(text: str, html: str) -> None:
    assert html in markdown(text)


def test_times_are_told_in_words() -> None:
    assert ago("2020-01-01T00:00:00Z").endswith("days ago")


async def test_the_merge_box_follows_branch_protection(clean_scene: Scene) -> None:
    client = clean_scene.client
    await client.protect(REPO, "ci-bot", by="alice")
    sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "x", by="alice")
    path = f"/{REPO}/pull/1"
    text = await get(clean_scene, f"{path}?as=wim")
    assert "Merging is blocked" in text
    assert "Required status check &#34;ci-bot&#34; is expected." in text
    assert (await post(clean_scene, f"{path}/merge", **{"as": "wim"}))[0] == 405
    output = {"title": "3 jobs passed", "summary": "s"}
    await clean_scene.check(sha, conclusion="success", output=output)
    text = await get(clean_scene, f"{path}?as=wim")
    assert "All checks have passed" in text
    assert "3 jobs passed" in text
    assert (await post(clean_scene, f"{path}/merge", **{"as": "mallory"}))[0] == 403
    assert await post(clean_scene, f"{path}/merge", **{"as": "wim"}) == (303, f"{path}?as=wim")
    assert "successfully merged" in await get(clean_scene, path)


async def test_buttons_and_comments(clean_scene: Scene) -> None:
    client = clean_scene.client
    sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
    await client.open_pull(REPO, "x", by="alice")
    action = {"label": "Approve", "description": "Run it", "identifier": "approve"}
    made = await clean_scene.check(sha, conclusion="action_required", actions=[action])
    path = f"/{REPO}/runs/{made.body['id']}"
    assert "Approve" in await get(clean_scene, f"{path}?as=alice")
    assert (await post(clean_scene, f"{path}/rerequest", **{"as": "alice"}))[0] == 303
    assert (await post(clean_scene, f"{path}/press", identifier="approve", **{"as": "wim"}))[0] == 303
    assert (await post(clean_scene, f"{path}/rerequest"))[0] == 401
    said = await post(clean_scene, f"/{REPO}/pull/1/comment", body="/retry", **{"as": "mallory"})
    assert said[0] == 303
    hooks = await clean_scene.settled()
    assert hooks.only("check_run.rerequested").body["sender"]["login"] == "alice"
    assert hooks.only("check_run.requested_action").body["sender"]["login"] == "wim"
    assert hooks.only("issue_comment.created").body["comment"]["body"] == "/retry"


async def test_a_pull_request_is_opened_from_the_list_of_branches(clean_scene: Scene) -> None:
    await clean_scene.client.push(REPO, "totals", {"a": "1"}, by="alice", message="Add totals")
    assert "Open pull request" in await get(clean_scene, f"/{REPO}?as=alice")
    asked = {"head": "totals", "as": "alice"}
    assert await post(clean_scene, f"/{REPO}/pulls", **asked) == (303, f"/{REPO}/pull/1?as=alice")
    assert "Add totals" in await get(clean_scene, f"/{REPO}/pull/1?as=alice")
    assert "Open pull request" not in await get(clean_scene, f"/{REPO}?as=alice")
    assert (await post(clean_scene, f"/{REPO}/pulls", **asked))[0] == 422
    assert (await post(clean_scene, f"/{REPO}/pulls", head="totals"))[0] == 401


async def test_an_app_is_made_from_a_manifest_and_installed(clean_scene: Scene) -> None:
    manifest = {
        "name": "Other CI",
        "url": "http://127.0.0.1/",
        "redirect_url": "http://127.0.0.1/setup",
        "setup_url": "http://127.0.0.1/done",
        "hook_attributes": {"url": clean_scene.hooks.url},
        "default_permissions": {"checks": "write"},
        "default_events": ["push"],
    }
    text = json.dumps(manifest)
    url = f"{clean_scene.forge.url}/settings/apps/new?state=abc"
    async with clean_scene.http.post(url, data={"manifest": text}) as answer:
        assert "checks: write" in await answer.text()
    status, place = await post(clean_scene, "/settings/apps/confirmed", manifest=text, state="a b")
    assert status == 302
    code = place.removeprefix("http://127.0.0.1/setup?code=").removesuffix("&state=a%20b")
    made = await clean_scene.call("POST", f"/app-manifests/{code}/conversions", token="")
    assert made.body["slug"] == "other-ci"
    await get(clean_scene, "/apps/other-ci/installations/new?as=alice")
    status, place = await post(clean_scene, "/apps/other-ci/installations/new", account="acme")
    assert place.startswith("http://127.0.0.1/done?installation_id=")
    created = (await clean_scene.settled()).only("installation.created").body
    assert created["installation"]["app_slug"] == "other-ci"


@pytest.mark.parametrize(
    ("path", "who", "name", "status"),
    [
        ("/organizations/acme/settings/apps/new", "alice", "CI", 200),
        ("/organizations/acme/settings/apps/new", "mallory", "CI", 404),
        ("/organizations/nobody/settings/apps/new", "alice", "CI", 404),
        ("/settings/apps/new", "mallory", "CI", 200),
        ("/settings/apps/new", "alice", "x" * 35, 422),
    ],
)
async def test_an_organisations_apps_are_its_owners_to_make(
    scene: Scene, path: str, who: str, name: str, status: int
) -> None:
    await scene.client.organization("acme", {"alice": "admin"})
    manifest = json.dumps({"name": name, "url": "http://x/", "redirect_url": "http://x/"})
    assert (await post(scene, path, manifest=manifest, **{"as": who}))[0] == status


async def test_unknown_pages_are_not_found(clean_scene: Scene) -> None:
    for path in ("/acme/none", f"/{REPO}/pull/9", f"/{REPO}/runs/1", "/apps/none"):
        async with clean_scene.http.get(clean_scene.forge.url + path) as answer:
            assert answer.status == 404
            assert "404" in await answer.text()
    assert (await clean_scene.call("GET", R)).status == 200
