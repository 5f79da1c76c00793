"""One request in, one answer or one error of ours out, whatever GitLab, a proxy or the network does."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError, SettingsError
from ci_bot.core.report.values import CommentReport, Spot
from ci_bot.forges.gitlab import GitLab
from ci_bot.ports import ForgeCall
from tests.forges.gitlab.scene import REPO, ShiftedClock, Stub, report

SHA = "a" * 40
COMMIT = {"message": "hello"}


async def ask(gitlab: GitLab) -> str:
    return await gitlab.commit_message(REPO, SHA)


async def fails(gitlab: GitLab) -> ForgeError:
    with pytest.raises(ForgeError) as caught:
        await ask(gitlab)
    return caught.value


async def test_what_is_asked_and_by_whom(stub: Stub) -> None:
    stub.says(COMMIT, RateLimit_Remaining="1999")
    calls: list[ForgeCall] = []
    async with stub.gitlab(on_call=calls.append) as gitlab:
        assert await ask(gitlab) == "hello"
    (request,) = stub.asked
    assert request.path == f"/api/v4/projects/11/repository/commits/{SHA}"
    assert request.query == {"stats": "false"}
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.headers["User-Agent"] == "ci-bot"
    (call,) = calls
    assert (call.endpoint, call.status, call.left) == (
        "/projects/{project}/repository/commits/{sha}",
        "2xx",
        1999,
    )
    assert call.tenant == "gitlab"


async def test_a_server_below_a_path_is_asked_there(stub: Stub) -> None:
    stub.says(COMMIT)
    gitlab = GitLab(url=f"{stub.url}/gitlab/", token="t", clock=ShiftedClock())
    assert await ask(gitlab) == "hello"
    await gitlab.close()
    assert stub.asked[0].path.startswith("/gitlab/api/v4/")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_reading_is_tried_again_shortly(stub: Stub, status: int) -> None:
    stub.says({}, {}, status=status)
    stub.says(COMMIT)
    async with stub.gitlab() as gitlab:
        assert await ask(gitlab) == "hello"
    assert len(stub.asked) == 3


async def test_writing_is_sent_once(stub: Stub) -> None:
    stub.says({"id": 900, "username": "ci-bot"})
    stub.says({}, status=502)
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeError) as caught:
            await gitlab.publish(REPO, Spot(SHA, "main"), report(), "1", "status:11:1:main")
    assert caught.value.status == 502
    assert [request.method for request in stub.asked] == ["GET", "POST"]


async def test_429_is_a_pause_for_everything_and_no_thread_waits_for_it(stub: Stub) -> None:
    stub.says({"message": "Too Many Requests"}, status=429, Retry_After="30")
    async with stub.gitlab() as gitlab:
        began = time.monotonic()
        error = await fails(gitlab)
        assert isinstance(error, ForgeBusy)
        assert error.seconds == 30
        stub.clock.ahead += 20
        again = await fails(gitlab)
        assert isinstance(again, ForgeBusy)
        assert 9 < again.seconds <= 10
        assert len(stub.asked) == 1
        stub.clock.ahead += 11
        stub.says(COMMIT)
        assert await ask(gitlab) == "hello"
    assert time.monotonic() - began < 20


async def test_the_reset_of_the_limit_counts_where_nothing_else_is_said(stub: Stub) -> None:
    reset = str(int(time.time()) + 40)
    stub.says({}, status=429, RateLimit_Remaining="0", RateLimit_Reset=reset)
    async with stub.gitlab() as gitlab:
        error = await fails(gitlab)
    assert isinstance(error, ForgeBusy)
    assert 35 < error.seconds <= 42


async def test_without_a_word_it_is_a_minute(stub: Stub) -> None:
    stub.says({}, status=429)
    async with stub.gitlab() as gitlab:
        error = await fails(gitlab)
    assert isinstance(error, ForgeBusy)
    assert error.seconds == 60


async def test_503_with_a_time_is_a_pause(stub: Stub) -> None:
    later = datetime.fromtimestamp(time.time() + 90, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    stub.says({}, status=503, Retry_After=later)
    async with stub.gitlab() as gitlab:
        error = await fails(gitlab)
    assert isinstance(error, ForgeBusy)
    assert 80 < error.seconds < 91


async def test_what_may_not_be_done_is_denied(stub: Stub) -> None:
    stub.says({"message": "403 no\nway"}, status=403)
    async with stub.gitlab() as gitlab:
        error = await fails(gitlab)
    assert isinstance(error, ForgeDenied)
    assert error.status == 403
    assert str(error) == "GitLab answered 403: 403 no way"


async def test_a_token_that_is_no_good_any_more_loses_nothing_and_is_not_tried_all_the_time(
    stub: Stub,
) -> None:
    stub.says({"message": "401 Unauthorized"}, status=401)
    async with stub.gitlab() as gitlab:
        error = await fails(gitlab)
        assert isinstance(error, ForgeBusy)
        assert "make a new one" in str(error)
        await fails(gitlab)
        assert len(stub.asked) == 1
        stub.clock.ahead += 61
        stub.says(COMMIT)
        assert await ask(gitlab) == "hello"


async def test_a_write_to_what_is_gone_is_denied_and_a_read_is_not(stub: Stub) -> None:
    stub.says({"message": "404 Not Found"}, status=404)
    stub.says({"id": 900, "username": "ci-bot"})
    stub.says({"message": "404 Not Found"}, status=404)
    async with stub.gitlab() as gitlab:
        assert not isinstance(await fails(gitlab), ForgeDenied)
        with pytest.raises(ForgeDenied):
            await gitlab.publish(REPO, Spot(SHA, "main"), report(), "1", None)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 200_000, b'{"message": 7}', b"null", b"[]"]
)
async def test_an_answer_that_makes_no_sense_is_an_error(stub: Stub, body: bytes) -> None:
    stub.answers = [web.Response(body=body, content_type="application/json") for _ in range(3)]
    async with stub.gitlab() as gitlab:
        assert type(await fails(gitlab)) is ForgeError


async def test_a_redirect_is_not_followed_so_no_other_host_sees_the_token(stub: Stub) -> None:
    async with Stub.running() as other:
        for _ in range(3):
            stub.answers.append(web.Response(status=302, headers={"Location": f"{other.url}/x"}))
        async with stub.gitlab() as gitlab:
            error = await fails(gitlab)
        assert "gitlab.url" in str(error)
        assert other.asked == []


async def test_nobody_there(stub: Stub) -> None:
    gitlab = GitLab(url="http://127.0.0.1:9", token="s3cret", clock=ShiftedClock())
    error = await fails(gitlab)
    await gitlab.close()
    assert str(error) == "GitLab cannot be reached: Connection refused"


async def test_a_proxy_with_a_password_does_not_show_it() -> None:
    proxy = "http://user:hidden@127.0.0.1:9"
    gitlab = GitLab(url="https://gitlab.example", token="t", clock=ShiftedClock(), proxy=proxy)
    error = await fails(gitlab)
    await gitlab.close()
    assert "hidden" not in str(error)
    assert "proxy" in str(error)


async def test_a_file_of_certificates_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("none")
    with pytest.raises(SettingsError, match=r"ca\.pem"):
        GitLab(url="https://gitlab.example", token="t", clock=ShiftedClock(), ca_file=file)


async def test_our_own_pace_is_kept_before_gitlab_must_say_so(stub: Stub) -> None:
    stub.says({"id": 900, "username": "ci-bot"})
    async with stub.gitlab() as gitlab:
        with pytest.raises(ForgeBusy, match="our own pace"):
            for number in range(1, 100):
                stub.says([], {"id": number})
                marker = f"<!-- {number} -->"
                await gitlab.comment(REPO, 1, CommentReport(marker, marker), None)
        assert sum(request.method == "POST" for request in stub.asked) == 60


async def test_many_at_once_share_a_few_threads_and_the_loop_goes_on(stub: Stub) -> None:
    stub.says(*[COMMIT] * 50)
    async with stub.gitlab() as gitlab:
        found = await asyncio.gather(*(ask(gitlab) for _ in range(50)))
        assert found == ["hello"] * 50
        ours = [one for one in threading.enumerate() if one.name.startswith("gitlab")]
        assert 0 < len(ours) <= 8
