"""The small parts: durations, ends of logs, statuses, escapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.markdown import clip, code, escaped, fenced, table, title
from ci_bot.core.report.tail import tail
from ci_bot.core.words import count, duration, labelled, listed, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0.1 s"),
        (0, "0.1 s"),
        (0.34, "0.3 s"),
        (0.97, "1 s"),
        (14.4, "14 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3599.7, "1 h"),
        (3720, "1 h 2 min"),
        (90_000, "25 h"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_counts_sizes_and_lists():
    assert [count(1, "job"), count(0, "job"), count(2, "job")] == ["1 job", "0 jobs", "2 jobs"]
    assert [size(1), size(310), size(12_400), size(1_234_567)] == [
        "1 byte",
        "310 bytes",
        "12 kB",
        "1.2 MB",
    ]
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d"]) == "a, b, c and 1 more"


def test_a_label_is_not_said_twice():
    assert labelled("Cancelled", "") == "Cancelled"
    assert (
        labelled("Cancelled", "the pull request was closed") == "Cancelled: the pull request was closed"
    )
    assert labelled("Cancelled", "cancelled by @bob") == "Cancelled by @bob"


def test_the_end_of_a_log():
    end = tail(b"a\nb\nc\n", 6, lines=2, limit=100)
    assert (end.text, end.lines, end.is_whole) == ("b\nc", 2, False)
    assert tail(b"a\nb\n", 4, lines=2, limit=100).is_whole


def test_a_line_that_began_before_the_end_is_left_out_unless_it_is_all_there_is():
    assert tail(b"est of it\nb\n", 900, lines=9, limit=100).text == "b"
    assert tail(b"est of it", 900, lines=9, limit=100).text == "est of it"


def test_the_end_of_a_log_is_bounded_in_bytes_and_a_line_in_length():
    assert tail("ü\nü\nü\n".encode(), 9, lines=9, limit=6).text == "ü\nü"
    assert tail(b"x" * 900, 900, lines=1, limit=10_000).text == "x" * 499 + "…"


def test_the_end_of_a_log_is_plain():
    log = b"\x1b[31mred\x1b[0m\n 10%\r100%\r\n\x00\n"
    assert tail(log, len(log), lines=9, limit=100).text == "red\n100%\n\\x00"


@given(st.binary(max_size=300), st.integers(1, 9), st.integers(1, 200))
def test_any_end_of_a_log_keeps_its_bounds(data, lines, limit):
    end = tail(data, len(data), lines, limit)
    assert len(end.text.encode()) <= limit
    assert end.text.count("\n") < lines
    assert end.lines <= lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 2 of them (really)", "plain words, 2 of them (really)"),
        (".ci.yaml: my_step is not_", ".ci.yaml: my_step is not\\_"),
        ("@octo/team", "@\u200bocto/team"),
        ("fixes octo/app#12", "fixes octo/app#\u200b12"),
        ("https://evil.example", "https:\u200b//evil.example"),
        ("# a\nb", "\\# a b"),
        ("1. a", "1\\. a"),
        ("a | <b> & `c`", "a &#124; &lt;b&gt; &amp; \\`c\\`"),
        ("\ud800\u202e", "?\\\\u202e"),
    ],
)
def test_escapes(text, shown):
    assert escaped(text) == shown


def test_inline_code_and_fences_are_longer_than_what_they_hold():
    assert code("a") == "`a`"
    assert code("a `` b") == "``` a `` b ```"
    assert code("  ") == "`(empty)`"
    assert code("x" * 101) == f"`{'x' * 99}…`"
    assert fenced("````") == "`````text\n````\n`````"


def test_a_table_says_how_many_rows_did_not_fit():
    shown = table(("a",), [["x" * 9_000]] * 6)
    assert shown.count("x" * 9_000) == 4
    assert shown.endswith("\n\n_2 more did not fit here._")


def test_titles_are_clipped():
    assert title("a\n b" * 99, 10) == clip("a b" * 99, 10)
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"
