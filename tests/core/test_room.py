"""Below a mark new jobs wait, and not by turns: they go on only a little above it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.room import Mark, for_operator, for_waiting, in_words, shortages

MARK = Mark("data_dir", "/data", 1000)
frees = st.integers(0, 3000)


@given(st.lists(frees, min_size=1, max_size=50))
def test_the_pause_changes_only_at_the_two_marks(history: list[int]) -> None:
    is_paused = False
    for free in history:
        was, is_paused = is_paused, bool(shortages([(MARK, free)], is_paused=is_paused))
        if is_paused and not was:
            assert free < MARK.low
        if was and not is_paused:
            assert free >= MARK.high
        if free < MARK.low:
            assert is_paused


def test_no_mark_never_pauses() -> None:
    assert shortages([(Mark("data_dir", "/data", 0), 0)], is_paused=True) == ()


def test_the_operator_is_told_what_where_and_the_remedy() -> None:
    (short,) = shortages([(Mark("run_dir", "/run/ci", 2 * 1024**3), 300 * 1024**2)], is_paused=False)
    words = for_operator([short])
    assert "0.3 GiB free for run_dir (/run/ci), new jobs go on at 2.5 GiB" in words
    assert "[retention]" in words
    assert "/run/ci" not in for_waiting([short])
    assert for_waiting(()) == ""


def test_small_sizes_are_in_mebibytes() -> None:
    assert (in_words(12 * 1024**2), in_words(1024**3)) == ("12 MiB", "1.0 GiB")
