"""Lines by their numbers, and what a page that follows a log is told."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ci_bot.core.page.ansi import PLAIN
from ci_bot.core.page.lines import (
    BLOCK,
    MAX_LINE,
    START,
    LineIndex,
    Mark,
    after_breaks,
    hits,
    parse_mark,
    shown,
    text_of,
    whole_lines,
)
from ci_bot.core.page.live import KEPT, Following, finished, told

LENGTHS = st.lists(st.sampled_from([0, 1, 2, 700, 70_000]), max_size=20)


def text(lengths: list[int]) -> bytes:
    """Lines of these lengths; the last one without its line break."""
    return b"\n".join(b"x" * length for length in lengths)


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1_000, 100_000))
def test_the_index_finds_every_line_however_it_was_fed(lengths: list[int], size: int) -> None:
    data = text(lengths)
    index = LineIndex()
    for at in range(0, len(data), size):
        index.feed(data[at : at + size])
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 10)]
    assert (index.size, index.ended) == (len(data), len(starts) - 1)
    for line, start in enumerate(starts, 1):
        block, breaks = index.block_of(line)
        assert block + after_breaks(data[block : block + BLOCK], breaks) == start


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.lists(st.integers(0, 200_000), max_size=8))
def test_who_follows_is_told_every_line_whole_and_in_order(lengths: list[int], cuts: list[int]) -> None:
    data = text(lengths)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    state, page = Following(START), dict[int, str]()
    for start, end in itertools.pairwise(places):
        window, state = told(state, data[start:end])
        page |= {line.number: "".join(span.text for span in line.spans) for line in window.lines}
        assert state.mark.offset == data.rfind(b"\n", 0, end) + 1
        assert state.mark.line == data.count(b"\n", 0, end) + 1
    page |= {line.number: "".join(span.text for span in line.spans) for line in finished(state).lines}
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    assert list(page) == list(range(1, len(expected) + 1))
    for number, line in enumerate(expected, 1):
        assert page[number].startswith(line[:MAX_LINE].decode())
        assert len(line) <= MAX_LINE or "more in this line" in page[number]


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(0, 10), st.integers(10_000, 100_000))
def test_who_comes_again_with_a_mark_misses_nothing(lengths: list[int], broke: int, size: int) -> None:
    """The line that was being told is told again, under its own number, and all that follow."""
    data = text(lengths)
    state, marks = Following(START), [START]
    for at in range(0, len(data), size):
        _, state = told(state, data[at : at + size])
        marks.append(state.mark)
    mark = marks[min(broke, len(marks) - 1)]
    window, state = told(Following(mark), data[mark.offset :])
    again = whole_lines(data, START, data.count(b"\n") + 1, PLAIN)
    assert [line for line in window.lines if line.number < state.mark.line] == list(
        again.lines[mark.line - 1 :]
    )


def test_a_line_that_does_not_end_is_kept_in_part_alone() -> None:
    state = Following(START)
    for _ in range(100):
        window, state = told(state, b"z" * 100_000)
    assert len(state.rest) == KEPT
    assert not window.lines  # its beginning was told already
    window, state = told(state, b"end\nnext")
    assert "MB more in this line" in window.lines[0].spans[-1].text
    assert (state.mark, state.rest) == (Mark(10_000_004, 2), b"next")


def test_of_a_redrawn_line_the_last_state_is_shown_however_long_it_is() -> None:
    line, _ = shown(1, b"\r".join(b"%d%%" % part for part in range(10_000)), PLAIN)
    assert [span.text for span in line.spans] == ["9999%"]


def test_marks_are_read_as_they_were_written_and_nothing_else_is() -> None:
    assert parse_mark(str(Mark(12, 3))) == Mark(12, 3)
    for text in ("", ":", "1", "1:", ":1", "-1:2", "1:0", "٣:1", "1:2:3", "9" * 20 + ":1", "a:b"):
        assert parse_mark(text) is None


@given(st.text(min_size=1, max_size=5), st.lists(st.text(max_size=12), max_size=6))
def test_a_search_finds_the_lines_that_show_the_text(needle: str, texts: list[str]) -> None:
    lines = [text.replace("\n", " ").encode("utf-8", "replace") for text in texts]
    expected = [
        number for number, line in enumerate(lines, 7) if needle.casefold() in text_of(line).casefold()
    ]
    assert list(hits(b"\n".join(lines), 7, needle, 100)) == expected


def test_a_search_sees_through_colours_and_case() -> None:
    data = b"one\n\x1b[1mErr\x1b[0mor: x\nError\rdone\nERROR"
    assert list(hits(data, 1, "error", 10)) == [2, 4]
    assert list(hits(data, 1, "error", 1)) == [2]
