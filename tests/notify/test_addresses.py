"""What of an apprise URL is secret, and what stands for it where it must not be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.notify.addresses import kind_of, name_of, secrets_of

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"


@pytest.mark.parametrize(
    ("url", "secrets", "shown"),
    [
        (SLACK, [SLACK, "T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"], ["general", "slack"]),
        (
            "mailto://bot:p%40ss@mail.example.com?to=team@acme.example",
            ["p%40ss", "p@ss", "team@acme.example"],
            ["mail.example.com", "bot"],
        ),
        ("ntfy://localhost/topic", [], ["localhost", "topic"]),
        ("json://127.0.0.1:80/hook?token=abcdefgh12", ["abcdefgh12"], ["127.0.0.1", "hook"]),
        ("tgram://123456789:AbCdEfGhIjKl/12315544/", ["AbCdEfGhIjKl", "12315544"], ["tgram"]),
    ],
)
def test_tokens_are_secret_and_hosts_are_not(url: str, secrets: list[str], shown: list[str]) -> None:
    found = [secret.decode() for secret in secrets_of(url)]
    assert set(secrets) | {url} <= set(found)
    assert not set(shown) & set(found)


def test_a_name_gives_nothing_away_and_stays() -> None:
    assert name_of(SLACK) == name_of(SLACK) != name_of(SLACK + "x")
    assert len(name_of(SLACK)) == 16
    assert "T1JJ3T3L2" not in name_of(SLACK)


@pytest.mark.parametrize(
    ("url", "kind"), [(SLACK, "slack"), ("JSON://x", "json"), ("secret", "?"), ("://x", "?"), ("", "?")]
)
def test_an_address_is_called_by_its_kind(url: str, kind: str) -> None:
    assert kind_of(url) == kind


@given(st.text(max_size=200))
def test_any_text_has_a_name_and_is_secret_as_a_whole(url: str) -> None:
    assert len(name_of(url)) == 16
    assert url.encode("utf-8", "replace") in secrets_of(url)
