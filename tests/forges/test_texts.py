"""Texts and moments as forges take them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ci_bot.forges.texts import cut, cut_line, iso


def test_a_text_within_the_limit_is_left_alone() -> None:
    assert cut("as it is", 8) == "as it is"


def test_a_longer_text_says_how_much_is_missing() -> None:
    shown = cut("x" * 200, 100)
    kept = shown.count("x")
    assert shown.endswith(f"… {200 - kept} bytes were cut here.")


@given(st.text(st.characters(codec="utf-8")), st.integers(60, 200))
def test_no_text_is_longer_than_its_limit_in_bytes(text: str, most: int) -> None:
    assert len(cut(text, most).encode()) <= most


@given(st.text(), st.integers(1, 50))
def test_a_line_is_one_line_within_its_limit(text: str, most: int) -> None:
    line = cut_line(text, most)
    assert len(line) <= most
    assert len(line.splitlines()) <= 1


def test_a_moment_is_written_in_utc() -> None:
    assert iso(1_795_183_200.9) == "2026-11-20T14:00:00Z"
