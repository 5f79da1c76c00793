"""Requests that go wrong: told apart, tried again where that is safe, and never sent too early."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.core.report.values import CheckReport, CheckState, CommentReport, Spot
from ci_bot.forges.github import open_session
from ci_bot.forges.github.api import THE_APP, Api
from tests.forges.github.scene import Scene, ShiftedClock, Stub

REPORT = CheckReport("ci-bot", CheckState.QUEUED, None, "queued", "waits", "")


# ── against the simulated forge ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "cut_before"}])
async def test_reading_is_tried_again_when_the_forge_stumbles(
    scene: Scene, fault: dict[str, Any]
) -> None:
    await scene.client.fault(match="GET /repos", times=2, **fault)
    assert await scene.github.commit_message(scene.repo, scene.sha) == "Initial commit"


async def test_reading_gives_up_after_three_tries(scene: Scene) -> None:
    await scene.client.fault("status", "GET /repos", status=502)
    with pytest.raises(ForgeError, match="502") as caught:
        await scene.github.commit_message(scene.repo, scene.sha)
    assert caught.value.status == 502
    assert len(scene.asked()) == 3


@pytest.mark.parametrize("kind", ["cut_after", "cut_before", "status_after"])
async def test_writing_is_never_repeated_here(scene: Scene, kind: str) -> None:
    await scene.client.fault(kind, "POST /repos/acme/web/check-runs")
    with pytest.raises(ForgeError):
        await scene.github.publish(scene.repo, Spot(scene.sha), REPORT, "x", None)
    assert scene.asked() == ["POST /check-runs"]


@pytest.mark.parametrize("status", [403, 429])
async def test_no_request_is_sent_before_its_retry_after(scene: Scene, status: int) -> None:
    headers = {"retry-after": "30"}
    await scene.client.fault("status", "GET /repos", times=1, status=status, headers=headers)
    with pytest.raises(ForgeBusy) as caught:
        await scene.github.commit_message(scene.repo, scene.sha)
    assert caught.value.seconds == 30
    scene.clock.ahead = 20
    for call in (
        scene.github.commit_message(scene.repo, scene.sha),
        scene.github.publish(scene.repo, Spot(scene.sha), REPORT, "x", None),
        scene.github.read_file(scene.repo, ".ci.yaml", scene.sha),
    ):
        with pytest.raises(ForgeBusy) as caught:
            await call
        assert 8 < caught.value.seconds <= 10
    assert len(scene.asked()) == 1


async def test_after_the_pause_everything_goes_on(scene: Scene) -> None:
    headers = {"retry-after": "1"}
    await scene.client.fault("status", "GET /repos", times=1, status=429, headers=headers)
    with pytest.raises(ForgeBusy):
        await scene.github.commit_message(scene.repo, scene.sha)
    scene.clock.ahead = 2
    assert await scene.github.commit_message(scene.repo, scene.sha) == "Initial commit"


async def test_a_pause_is_one_installations_own(scene: Scene) -> None:
    other = await scene.client.repo("umbrella/web", {"README.md": ""})
    tenant = await scene.client.install(scene.app["id"], "umbrella")
    headers = {"retry-after": "30"}
    await scene.client.fault("status", "GET /repos/acme", status=429, headers=headers)
    with pytest.raises(ForgeBusy):
        await scene.github.commit_message(scene.repo, scene.sha)
    repo = type(scene.repo)("github", other["id"], "umbrella/web", "main", False, str(tenant))
    assert await scene.github.commit_message(repo, other["sha"]) == "Initial commit"


async def test_comments_are_paced_below_eighty_a_minute(scene: Scene) -> None:
    await scene.client.push("acme/web", "patch", {"a": "b"}, by="wim")
    number = (await scene.client.open_pull("acme/web", "patch", by="wim"))["number"]
    with pytest.raises(ForgeBusy, match="our own pace") as caught:
        for index in range(81):
            marker = f"<!--{index}-->"
            await scene.github.comment(scene.repo, number, CommentReport(marker, marker), None)
    assert 1 < caught.value.seconds <= 61
    assert sum(one.startswith("POST") for one in scene.asked()) <= 80


async def test_a_renamed_repository_is_followed_for_reading_and_writing(scene: Scene) -> None:
    await scene.client.api("PATCH", "/repos/acme/web", {"name": "site"}, by="alice")
    assert await scene.github.commit_message(scene.repo, scene.sha) == "Initial commit"
    assert await scene.github.publish(scene.repo, Spot(scene.sha), REPORT, "x", None)
    [check] = await scene.client.checks("acme/site", scene.sha)
    assert check["external_id"] == "x"


async def test_a_write_to_what_is_gone_is_denied(scene: Scene) -> None:
    with pytest.raises(ForgeDenied) as caught:
        await scene.github.publish(scene.repo, Spot(scene.sha), REPORT, "x", "check:999999")
    assert caught.value.status == 404


# ── against a forge that answers what it is told ─────────────────────────────────────────────


async def ask(stub: Stub, clock: ShiftedClock | None = None, times: int = 1) -> Any:
    """The answer to the last of so many requests."""
    answer = None
    async with open_session() as session:
        api = Api(session, f"{stub.url}/api/v3", clock or ShiftedClock())
        for _ in range(times):
            answer = await api.send(THE_APP, "GET", "/x{?a}", {"a": "b&c"}, token="t")
    return answer


async def test_requests_carry_the_credential_the_version_and_who_asks(stub: Stub) -> None:
    await ask(stub)
    [request] = stub.asked
    assert request.path_qs == "/api/v3/x?a=b%26c"
    assert request.headers["Authorization"] == "token t"
    assert request.headers["User-Agent"] == "ci-bot"
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="{", content_type="application/json"),
        web.Response(body=b"\xff\xff", content_type="application/json"),
        web.Response(body=b"[" * 100_000, content_type="application/json"),
        web.Response(body=b"9" * 5000, content_type="application/json"),
        web.Response(body=b"{}", headers={"Content-Type": "application/json; charset=nonsense"}),
        web.Response(status=422, text="{}", content_type="application/json"),
        web.Response(status=422, text="<html>"),
        web.Response(status=404, text="<html>not here</html>", content_type="text/html"),
        web.Response(status=599, text="what is this"),
        web.Response(status=418, text="[]", content_type="application/json"),
        web.Response(status=304),
        web.json_response(
            {},
            headers={
                "x-ratelimit-limit": "a",
                "x-ratelimit-remaining": "b",
                "x-ratelimit-reset": "c",
            },
        ),
    ],
    ids=str,
)
async def test_an_answer_that_makes_no_sense_is_a_forge_error(stub: Stub, answer: web.Response) -> None:
    stub.answers.append(answer)
    with pytest.raises(ForgeError) as caught:
        await ask(stub)
    assert not isinstance(caught.value, ForgeBusy)


async def test_no_answer_at_all_is_a_forge_error() -> None:
    with pytest.raises(ForgeError, match="cannot be reached") as caught:
        await ask(Stub("http://127.0.0.1:9"))
    assert caught.value.status == 0


async def test_an_answer_of_any_size_is_not_read_to_the_end(stub: Stub) -> None:
    stub.answers.append(web.Response(body=b" " * (33 * 1024 * 1024)))
    with pytest.raises(ForgeError, match="no sense"):
        await ask(stub)


async def test_only_the_configured_host_ever_sees_a_credential(stub: Stub) -> None:
    async with Stub.running() as other:
        stub.answers.append(web.Response(status=307, headers={"Location": f"{other.url}/x"}))
        with pytest.raises(ForgeError):
            await ask(stub)
        assert other.asked == []


@pytest.mark.parametrize("location", ["http://[", "javascript:x", "/api/v3/x", ""])
async def test_a_redirect_that_leads_nowhere_ends(stub: Stub, location: str) -> None:
    stub.answers += [web.Response(status=301, headers={"Location": location}) for _ in range(9)]
    with pytest.raises(ForgeError):
        await ask(stub)
    assert len(stub.asked) <= 4


async def test_a_redirect_on_the_same_host_keeps_the_method_and_the_body(stub: Stub) -> None:
    stub.answers.append(web.Response(status=301, headers={"Location": "/api/v3/repositories/1"}))
    async with open_session() as session:
        api = Api(session, f"{stub.url}/api/v3", ShiftedClock())
        await api.send("5", "POST", "/x", {}, token="t", data={"a": 1})
    assert [(one.method, one.path) for one in stub.asked] == [
        ("POST", "/api/v3/x"),
        ("POST", "/api/v3/repositories/1"),
    ]


async def test_the_hours_last_request_is_the_last_until_the_reset(stub: Stub) -> None:
    clock = ShiftedClock()
    reset = str(int(clock.now()) + 600)
    limits = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    stub.answers.append(web.json_response({}, headers=limits))
    with pytest.raises(ForgeBusy) as caught:
        await ask(stub, clock, times=2)
    assert 590 < caught.value.seconds <= 601
    assert len(stub.asked) == 1


async def test_repeated_orders_to_wait_grow(stub: Stub) -> None:
    clock = ShiftedClock()
    body = {"message": "You have exceeded a secondary rate limit."}
    stub.answers += [web.json_response(body, status=403) for _ in range(3)]
    waits = []
    async with open_session() as session:
        api = Api(session, stub.url, clock)
        for _ in range(3):
            with pytest.raises(ForgeBusy) as caught:
                await api.send("5", "GET", "/x", {}, token="t")
            waits.append(caught.value.seconds)
            await clock.sleep(caught.value.seconds)
    assert waits == [60, 120, 240]


async def test_no_cookie_of_the_forge_is_kept(stub: Stub) -> None:
    stub.answers.append(web.json_response({}, headers={"Set-Cookie": "a=b; Path=/"}))
    await ask(stub, times=2)
    assert "Cookie" not in stub.asked[1].headers
