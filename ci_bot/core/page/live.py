"""A log's bytes as they come, in pieces of any size → what a page that shows it must be told. Pure.

Lines are told by their numbers, so telling one again replaces it: a line that has not ended is told as far
as it goes, and again when there is more of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.page.ansi import PLAIN, Style
from ci_bot.core.page.lines import MAX_LINE, Mark, Window, whole_lines, with_rest

#: Of a line that does not end, this much is kept in memory; more of it is only counted.
KEPT: Final = 4 * MAX_LINE


@dataclass(frozen=True, slots=True)
class Following:
    """Where a reader stands: at a line's beginning, with what is there of that line."""

    mark: Mark
    style: Style = PLAIN
    rest: bytes = b""
    uncounted: int = 0  # bytes of the line beyond `rest`


def told(state: Following, piece: bytes) -> tuple[Window, Following]:
    """What is to be told after this piece, and where the reader stands then."""
    if state.uncounted:
        return _in_long_line(state, piece)
    window = whole_lines(state.rest + piece, state.mark, len(state.rest + piece) + 1, state.style)
    rest = (state.rest + piece)[window.next.offset - state.mark.offset :]
    after = Following(window.next, window.style, rest[:KEPT], max(0, len(rest) - KEPT))
    return with_rest(window, after.rest, after.uncounted), after


def _in_long_line(state: Following, piece: bytes) -> tuple[Window, Following]:
    head, newline, tail = piece.partition(b"\n")
    more = state.uncounted + len(head)
    if not newline:
        after = replace(state, uncounted=more)
        return Window((), state.mark, state.style, is_open=True), after
    ended = with_rest(Window((), state.mark, state.style), state.rest, more)
    mark = Mark(state.mark.offset + len(state.rest) + more + 1, state.mark.line + 1)
    window, after = told(Following(mark, state.style), tail)
    return replace(window, lines=(*ended.lines, *window.lines)), after


def finished(state: Following) -> Window:
    """The last line of a log that is closed, where no line break ends it."""
    return with_rest(Window((), state.mark, state.style), state.rest, state.uncounted)
