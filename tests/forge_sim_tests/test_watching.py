"""Validation against the description, the ledger, limits and faults."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.forge_sim import Config, Forge, Limits, start
from tests.forge_sim.api import ROUTES
from tests.forge_sim.exchange import Call, Reply, Route, handler_of
from tests.forge_sim.server import Forge as RunningForge

from .conftest import description
from .scene import REPO, R, Scene, made_scene

described = pytest.mark.skipif(description() is None, reason="the description is not there")


def kinds(forge: RunningForge) -> list[str]:
    return [one["violation"] for one in forge.violations]


@described
def test_every_endpoint_is_described(forge: Forge) -> None:
    validator = forge.sim.validator
    unknown = [r.template for r in ROUTES if not validator.knows(r.template)]
    assert unknown == ["/repositories/{id}"]


@described
@pytest.mark.parametrize(
    "fields",
    [
        {"conclusion": "fine"},
        {"output": {"title": "t", "summary": "s" * 65_536}},
        {"output": {"summary": "no title"}},
        {"actions": [{"label": "l", "description": "d", "identifier": "i"}] * 4},
        {"deatils_url": "a typing error"},
    ],
)
async def test_a_planted_bad_request_is_caught(scene: Scene, fields: dict[str, Any]) -> None:
    sha = await scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    answer = await scene.check(sha, **fields)
    assert answer.status == 422
    assert kinds(scene.forge)[0] == "request"


@described
async def test_a_planted_bad_response_is_caught(scene: Scene) -> None:
    async def wrong(call: Call) -> Reply:
        return Reply(body={"login": 7})

    route = Route("GET", "/user", wrong, by="any")
    app = web.Application()
    app.router.add_get("/api/v3/user", handler_of(scene.forge.sim, route))
    async with TestClient(TestServer(app)) as client:
        await client.get("/api/v3/user")
    assert kinds(scene.forge) == ["response"]
    assert "login" in scene.forge.violations[0]["message"]


@described
async def test_a_planted_bad_webhook_is_caught(scene: Scene) -> None:
    sim = scene.forge.sim
    repo = sim.world.repo("acme", "web")
    assert repo is not None
    sim.emit("delete", repo, repo.owner, {"ref": 3, "ref_type": "branch", "pusher_type": "user"})
    assert kinds(scene.forge) == ["webhook"]


async def test_unknown_paths_are_violations(scene: Scene) -> None:
    assert (await scene.call("GET", f"{R}/chekc-runs")).status == 404
    assert kinds(scene.forge) == ["path"]


async def test_the_ledger_names_no_token(clean_scene: Scene) -> None:
    before = len(await clean_scene.client.ledger())
    sha = await clean_scene.client.push(REPO, "x", {"a": "1"}, by="alice")
    run = (await clean_scene.check(sha, external_id="7")).body["id"]
    entries = await clean_scene.client.ledger(since=before)
    made = next(e for e in entries if e.get("path") == f"{R}/check-runs")
    assert made["who"] == f"installation:{clean_scene.installation}"
    assert (made["status"], made["made"], made["request"]["external_id"]) == (201, run, "7")
    gits = [e for e in entries if e["kind"] == "git"]
    assert {e["who"] for e in gits} >= {"user:alice"}
    text = clean_scene.forge.sim.ledger.path.read_text()
    secrets = [clean_scene.token, clean_scene.client.people["alice"].token]
    assert not any(secret in text for secret in secrets)
    assert len(text.splitlines()) == len([json.loads(line) for line in text.splitlines()])


async def test_faults_before_and_after_the_effect(clean_scene: Scene) -> None:
    client = clean_scene.client
    sha = await client.push(REPO, "x", {"a": "1"}, by="alice")
    match = f"POST {R}/check-runs"
    await client.fault("cut_before", match, times=1)
    with pytest.raises(aiohttp.ClientError):
        await clean_scene.check(sha)
    assert await client.checks(REPO, sha) == []
    await client.fault("cut_after", match, times=1)
    with pytest.raises(aiohttp.ClientError):
        await clean_scene.check(sha, external_id="once")
    assert [run["external_id"] for run in await client.checks(REPO, sha)] == ["once"]
    await client.fault("status", "GET /rate_limit", times=1, status=502)
    assert (await clean_scene.call("GET", "/rate_limit")).status == 502
    assert (await clean_scene.call("GET", "/rate_limit")).status == 200
    await client.fault("status_after", match, times=1, status=500)
    assert (await clean_scene.check(sha, "other")).status == 500
    assert len(await client.checks(REPO, sha)) == 2
    entry = [e for e in await client.ledger() if e.get("fault") == "cut_after"]
    assert [(e["status"], e["request"]["external_id"]) for e in entry] == [(0, "once")]


@pytest.fixture
async def strict(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    running = await start(Config(data=tmp_path / "strict", limits=request.param))
    async with made_scene(running) as made:
        await made.client.control("POST", "/settings", {"reset_limits": True})
        yield made
    await running.stop()


@pytest.mark.parametrize("strict", [Limits(primary=3)], indirect=True)
async def test_the_primary_limit(strict: Scene) -> None:
    tag = (await strict.call("GET", R)).headers["ETag"]
    assert (await strict.call("GET", R, If_None_Match=tag)).status == 304, "costs nothing"
    second = await strict.call("GET", R)
    assert second.headers["x-ratelimit-remaining"] == "1"
    await strict.call("GET", R)
    refused = await strict.call("GET", R)
    assert (refused.status, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(refused.headers["x-ratelimit-reset"]) > 0


@pytest.mark.parametrize(
    "strict", [Limits(content_a_minute=2, pushback_status=429, polite_grace=0)], indirect=True
)
async def test_the_content_limit_and_coming_back_too_early(strict: Scene) -> None:
    await strict.client.push(REPO, "x", {"a": "1"}, by="alice")
    await strict.client.open_pull(REPO, "x", by="alice")
    path, body = f"{R}/issues/1/comments", {"body": "hello"}
    statuses = [(await strict.call("POST", path, body)).status for _ in range(3)]
    assert statuses == [201, 201, 429]
    assert kinds(strict.forge) == []
    refused = await strict.call("POST", path, body)
    assert refused.headers["retry-after"] == "60"
    assert kinds(strict.forge) == ["polite"]


@pytest.mark.parametrize("strict", [Limits(points_a_minute=7, pushback_header=False)], indirect=True)
async def test_points(strict: Scene) -> None:
    sha = (await strict.call("GET", f"{R}/branches/main")).body["commit"]["sha"]
    assert (await strict.check(sha)).status == 201
    assert (await strict.call("GET", R)).status == 200
    refused = await strict.call("GET", R)
    assert refused.status == 403
    assert "secondary rate limit" in refused.body["message"]
    assert "retry-after" not in refused.headers
