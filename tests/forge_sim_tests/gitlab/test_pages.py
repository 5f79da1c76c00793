"""The pages of the simulated GitLab, as a person reads them and acts on them."""

from __future__ import annotations

from .scene import REPO, Scene


async def get(scene: Scene, path: str, status: int = 200) -> str:
    async with scene.http.get(scene.gitlab.url + path) as answer:
        assert answer.status == status, (path, answer.status, await answer.text())
        assert answer.content_type == "text/html"
        return await answer.text()


async def post(scene: Scene, path: str, **fields: str) -> tuple[int, str]:
    url = scene.gitlab.url + path
    async with scene.http.post(url, data=fields, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_a_merge_request_shows_its_pipeline_and_whether_it_may_be_merged(scene: Scene) -> None:
    client = scene.client
    await client.protect(REPO, "ci-bot", by="alice")
    sha, number = await scene.opened()
    path = f"/{REPO}/-/merge_requests/{number}"
    text = await get(scene, f"{path}?as=alice")
    assert "Merge blocked: 1 check failed" in text
    assert "Pipeline must succeed." in text
    assert "No pipeline yet" in text
    made = (await scene.status(sha, "running", ref="feature", description="2 of 3 jobs")).body
    text = await get(scene, f"{path}?as=alice")
    assert "It is still running." in text
    assert "Set to auto-merge" in text
    await scene.status(sha, "failed", ref="feature", target_url="http://ci/log", description="<b>")
    said = await client.comment(REPO, number, "**see** <!-- m -->", by="ci-bot-reader")
    await scene.call(
        "POST",
        f"/projects/acme%2Fshop%2Fweb/merge_requests/{number}/notes/{said['id']}/award_emoji",
        {"name": "eyes"},
    )
    text = await get(scene, f"{path}?as=alice")
    assert f"#{made['pipeline_id']}" in text
    assert "— &lt;b&gt;" in text
    assert 'href="http://ci/log"' in text
    assert "<strong>see</strong>" in text
    assert "👀 1" in text
    assert (await post(scene, f"{path}/merge", **{"as": "alice"}))[0] == 405
    await scene.status(sha, "success", ref="feature")
    assert "Ready to merge!" in await get(scene, f"{path}?as=alice")
    assert "retried" in await get(scene, f"/{REPO}/-/pipelines/{made['pipeline_id']}")
    assert (await post(scene, f"{path}/merge", **{"as": "mallory"}))[0] == 403
    assert await post(scene, f"{path}/merge", **{"as": "alice"}) == (303, f"{path}?as=alice")
    assert "Merged by alice" in await get(scene, path)


async def test_all_pages_are_there(scene: Scene) -> None:
    sha, number = await scene.opened()
    await scene.status(sha, "success", ref="feature")
    for path in ("", "/-/merge_requests", "/-/pipelines", f"/-/commit/{sha}"):
        await get(scene, f"/{REPO}{path}?as=wim")
    for path in ("/pipelines", "/diffs"):
        await get(scene, f"/{REPO}/-/merge_requests/{number}{path}")
    assert REPO.split("/")[-1] in await get(scene, "/")
    for path in (f"/{REPO}/-/merge_requests/9", "/acme/none", f"/{REPO}/-/pipelines/9"):
        assert "404" in await get(scene, path, 404)
    await scene.client.repo("acme/secret", private=True)
    await get(scene, "/acme/secret?as=mallory", 404)
    await get(scene, "/acme/secret?as=alice")


async def test_people_open_and_comment_on_pages(scene: Scene) -> None:
    await scene.client.push(REPO, "totals", {"a": "1"}, by="wim", message="Add totals")
    assert "Create merge request" in await get(scene, f"/{REPO}?as=wim")
    path = f"/{REPO}/-/merge_requests"
    assert await post(scene, path, branch="totals", **{"as": "wim"}) == (303, f"{path}/1?as=wim")
    assert "Add totals" in await get(scene, f"{path}/1?as=wim")
    assert (await post(scene, path, branch="totals", **{"as": "mallory"}))[0] == 403
    assert (await post(scene, f"{path}/1/notes", body="/retry"))[0] == 401
    assert (await post(scene, f"{path}/1/notes", body="/retry", **{"as": "mallory"}))[0] == 303
    hooks = await scene.settled()
    assert hooks.only("note.create").body["object_attributes"]["note"] == "/retry"
    assert hooks.only("merge_request.open").body["user"]["username"] == "wim"
