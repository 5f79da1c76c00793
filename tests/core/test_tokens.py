"""Tokens of the API: their form, their names, how long they live and what they may."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.events import Permission
from ci_bot.core.tokens import (
    TOKEN_BYTES,
    USED_SECONDS,
    TokenScope,
    digest,
    has_to_be_noted,
    is_it,
    is_token,
    lifetime,
    refusal_of_name,
    refusal_of_token,
    text_of,
)
from tests.make import REPO, token

NOW = 1_000_000.0


@given(st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES))
def test_every_random_number_has_a_token_of_its_own_and_of_the_one_form(random: bytes) -> None:
    text = text_of(random)
    assert is_token(text)
    assert re.fullmatch(r"cibot_[0-9a-z]{52}", text)
    other = bytes([random[0] ^ 1]) + random[1:]
    last = random[:-1] + bytes([random[-1] ^ 1])
    assert len({text, text_of(other), text_of(last)}) == 3


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_token_is_made_of_256_bits_and_no_fewer(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        text_of(b"x" * size)


@given(st.text() | st.from_regex(r"cibot_[0-9a-zA-Z_]{50,54}"))
def test_what_has_another_form_is_known_for_that(text: str) -> None:
    assert is_token(text) is bool(
        re.fullmatch(r"cibot_[0123456789abcdefghjkmnpqrstvwxyz]{52}", text, re.ASCII)
    )


def test_what_is_kept_is_a_hash_that_only_the_token_itself_has() -> None:
    kept = token("cibot_a")
    assert "cibot_a" not in repr(kept)
    assert (is_it(kept, digest("cibot_a")), is_it(kept, digest("cibot_b"))) == (True, False)


def test_a_token_stands_for_itself_and_for_no_account() -> None:
    person = token(name="alice").vouched
    assert (person.actor.id, person.actor.login) == (0, "token:alice")
    assert person.permission is Permission.WRITE
    assert person.may_write
    assert not token(scope=TokenScope.READ).vouched.may_write


def test_a_token_sees_its_repositories_alone() -> None:
    assert token().sees(REPO.key)
    assert not token().sees("github:8")
    assert not token(repos=()).sees(REPO.key)


def test_a_token_is_taken_until_it_expires_or_is_revoked() -> None:
    assert refusal_of_token(token(), NOW) == ""
    assert refusal_of_token(token(expires_at=NOW + 1), NOW) == ""
    assert (
        refusal_of_token(token(expires_at=NOW), NOW)
        == "the token alice expired on 1970-01-12 13:46 UTC"
    )
    assert refusal_of_token(token(revoked_at=NOW - 1), NOW) == "the token alice was revoked"
    assert datetime.fromtimestamp(NOW, UTC).year == 1970


def test_its_use_is_noted_once_a_minute_also_when_the_clock_goes_back() -> None:
    assert has_to_be_noted(token(), NOW)
    assert not has_to_be_noted(token(used_at=NOW - USED_SECONDS + 1), NOW)
    assert has_to_be_noted(token(used_at=NOW - USED_SECONDS), NOW)
    assert has_to_be_noted(token(used_at=NOW + 600), NOW)


@pytest.mark.parametrize("name", ["alice", "deploy-bot.2", "0", "a" * 63])
def test_good_names(name: str) -> None:
    assert refusal_of_name(name, ()) == ""


@pytest.mark.parametrize("name", ["", "Alice", "a b", "-a", "a\n", "é", "a" * 64, "\u202e", "@bob"])
def test_names_that_could_mislead_are_refused_in_one_line(name: str) -> None:
    assert "cannot name a token" in refusal_of_name(name, ())
    assert "\n" not in refusal_of_name(name, ())


def test_a_name_that_is_taken_says_how_to_free_it() -> None:
    assert refusal_of_name("alice", ["alice"]).endswith("ci-bot token revoke alice")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12h", 43200), ("90d", 7776000), ("8w", 4838400), ("1y", 31536000), ("never", None)],
)
def test_lifetimes(text: str, seconds: float | None) -> None:
    assert lifetime(text) == seconds


@given(st.text(max_size=8))
def test_every_other_text_is_no_lifetime(text: str) -> None:
    if re.fullmatch(r"[1-9][0-9]{0,4}[hdwy]|never", text, re.ASCII):
        return
    with pytest.raises(ValueError, match="write 12h, 90d"):
        lifetime(text)
