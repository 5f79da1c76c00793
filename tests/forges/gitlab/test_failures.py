"""Refusals and troubles of the network, in words and in seconds."""

from __future__ import annotations

import pytest
import requests
from gitlab.exceptions import GitlabError, GitlabHttpError
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.forges.gitlab.failures import forge_error, left_of, pause_of

NOW = 1_700_000_000.0


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "ratelimit-reset", "ratelimit-remaining"]), st.text()
    )
)
def test_any_headers_are_a_pause_of_a_second_at_least(headers: dict[str, str]) -> None:
    assert pause_of(headers, NOW) >= 1.0
    assert left_of(headers) >= -1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 1.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1700000029"}, 30.0),
        ({"ratelimit-remaining": "5", "ratelimit-reset": "1700000029"}, 60.0),
        ({}, 60.0),
    ],
)
def test_pauses(headers: dict[str, str], seconds: float) -> None:
    assert pause_of(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ReadTimeout("x"), "GitLab did not answer in time"),
        (TimeoutError(), "GitLab did not answer in time"),
        (requests.ConnectionError("a"), "GitLab cannot be reached: a"),
        (ValueError("not JSON"), "GitLab's answer makes no sense"),
        (RecursionError(), "GitLab's answer makes no sense"),
        (GitlabError("no answer"), "GitLab's answer makes no sense"),
    ],
)
def test_what_is_no_answer_is_told_in_words(error: Exception, words: str) -> None:
    found = forge_error(error, {}, NOW)
    assert type(found) is ForgeError
    assert str(found) == words


@given(st.integers(400, 599), st.one_of(st.text(), st.binary(), st.none(), st.lists(st.text())))
def test_any_refusal_is_one_line_with_its_status(status: int, message: object) -> None:
    found = forge_error(GitlabHttpError(message, status), {}, NOW)  # type: ignore[arg-type]
    assert found.status == status
    assert len(str(found)) <= 500
    assert "\n" not in str(found)
    assert isinstance(found, ForgeBusy) == (status in (401, 429))
