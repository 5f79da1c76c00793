"""Which of our exceptions each failure of a request becomes."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

import aiohttp
import pytest
from gidgethub import BadRequest, GitHubBroken, RateLimitExceeded, sansio
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.forges.github.failures import UNTOLD_PAUSE, forge_error, pause_of

NOW = 1_795_183_200.0
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."


def bad(status: int, message: str = "no", **headers: str) -> BadRequest:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return BadRequest(HTTPStatus(status), message, headers=named)


def test_429_is_busy_for_as_long_as_it_says() -> None:
    error = forge_error(bad(429, retry_after="17"), NOW)
    assert isinstance(error, ForgeBusy)
    assert (error.seconds, error.status) == (17, 429)


def test_a_secondary_limit_without_a_header_is_busy_for_a_minute() -> None:
    error = forge_error(bad(403, SECONDARY), NOW)
    assert isinstance(error, ForgeBusy)
    assert (error.seconds, error.status) == (UNTOLD_PAUSE, 403)


def test_a_403_with_retry_after_is_busy() -> None:
    assert isinstance(forge_error(bad(403, retry_after="5"), NOW), ForgeBusy)


def test_the_primary_limit_is_busy_until_its_reset() -> None:
    limit = sansio.RateLimit(limit=5000, remaining=0, reset_epoch=NOW + 90)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 90)}
    error = forge_error(RateLimitExceeded(limit, headers=headers), NOW)
    assert isinstance(error, ForgeBusy)
    assert error.seconds == 91


def test_a_refused_permission_is_denied() -> None:
    error = forge_error(bad(403, "Resource not accessible by integration"), NOW)
    assert isinstance(error, ForgeDenied)
    assert str(error) == "GitHub answered 403: Resource not accessible by integration"


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 415])
def test_other_refusals_keep_their_status(status: int) -> None:
    error = forge_error(bad(status), NOW)
    assert type(error) is ForgeError
    assert error.status == status


def test_a_broken_forge_is_an_error_and_a_resting_one_is_busy() -> None:
    assert forge_error(GitHubBroken(HTTPStatus(502)), NOW).status == 502
    resting = GitHubBroken(HTTPStatus(503), headers={"retry-after": "120"})
    assert isinstance(forge_error(resting, NOW), ForgeBusy)


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), aiohttp.ServerDisconnectedError(), ConnectionResetError("reset"), OSError()],
)
def test_no_answer_is_an_error_without_status(error: Exception) -> None:
    assert forge_error(error, NOW).status == 0


def test_the_credentials_of_a_proxy_are_in_no_error() -> None:
    url = URL("http://user:hunter2@proxy:3128")
    info = aiohttp.RequestInfo(url, "CONNECT", None, url)  # type: ignore[arg-type]
    error = aiohttp.ClientHttpProxyError(info, (), status=407, message="hunter2")
    assert str(forge_error(error, NOW)) == "the proxy to GitHub answered 407"


def test_a_message_is_one_bounded_line() -> None:
    text = str(forge_error(bad(400, "a\nb\t" + "c" * 5000), NOW))
    assert text.startswith("GitHub answered 400: a b ccc")
    assert len(text) <= 300


def test_retry_after_may_be_a_date() -> None:
    assert pause_of({"retry-after": formatdate(NOW + 42, usegmt=True)}, NOW) == 42


def test_remaining_requests_make_no_reset() -> None:
    headers = {"x-ratelimit-remaining": "12", "x-ratelimit-reset": str(int(NOW) + 900)}
    assert pause_of(headers, NOW) == UNTOLD_PAUSE


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset"]),
        st.text() | st.just("0") | st.integers().map(str),
    )
)
def test_whatever_the_headers_say_the_pause_is_a_second_or_more(headers: dict[str, str]) -> None:
    assert 1 <= pause_of(headers, NOW) < float("inf")
