"""Where the lines of a log stand: its bytes in, once; offsets of lines, and lines cut to what is shown, out. Pure."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ci_bot.core.page.ansi import PLAIN, Span, Style, spans
from ci_bot.core.words import size as size_words

BLOCK: Final = 64 * 1024
MAX_LINE: Final = 16 * 1024  # bytes of one line that are shown
CUT: Final = "cut"
TELLING: Final = 64  # bytes by which a log is known again

#: As `ansi` takes them out of the text, and what it names instead of showing it.
_STYLING: Final = re.compile(
    rb"\x1b\[[0-?]{0,128}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\r\n]{0,4096}(?:\x07|\x1b\\)|\x1b[()][0-9A-Za-z]"
)
_NAMED: Final = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c"
)
#: The ASCII characters that `_NAMED` leaves.
_PLAIN: Final = b"\t\n\r" + bytes(range(0x20, 0x7F))


@dataclass(frozen=True, slots=True)
class Mark:
    """The beginning of a line: its offset in bytes, its number from 1."""

    offset: int = 0
    line: int = 1

    def __str__(self) -> str:
        return f"{self.offset}:{self.line}"


START: Final = Mark()


def parse_mark(text: str) -> Mark | None:
    """From "offset:line"; None for anything else."""
    offset, _, line = text.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 16 for part in (offset, line)):
        return None
    return Mark(int(offset), int(line)) if int(line) else None


class LineIndex:
    """How many lines have ended by the end of each block, so that a line is found by reading one block.

    8 bytes for 64 KiB of log. Fed with the log's bytes in their order, and again with what comes later.
    """

    __slots__ = ("_ended", "last", "size")

    def __init__(self) -> None:
        self._ended = array("Q")
        self.size = 0  # bytes fed so far
        self.last = b""  # the end of them, to see whether the log is still the same

    @property
    def ended(self) -> int:
        """Lines that ended with a line break."""
        return self._ended[-1] if self._ended else 0

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.size % BLOCK == 0:
                self._ended.append(self.ended)
            end = at + BLOCK - self.size % BLOCK
            piece = data[at:end]
            self._ended[-1] += piece.count(b"\n")
            self.size += len(piece)
            at = end
        self.last = (self.last + data)[-TELLING:]

    def block_of(self, line: int) -> tuple[int, int]:
        """Where to read to find the beginning of a line: a block's offset, and the line breaks to pass in it.

        (0, 0) for the first line, whose beginning needs no search. Lines beyond the last raise `ValueError`.
        """
        before = line - 1  # line breaks that stand before it
        if before > self.ended or before < 0:
            raise ValueError(f"there is no line {line}")
        if not before:
            return 0, 0
        block = bisect_left(self._ended, before)
        return block * BLOCK, before - (self._ended[block - 1] if block else 0)


def after_breaks(block: bytes, count: int) -> int:
    """Where in a block the line after so many line breaks begins."""
    at = 0
    for _ in range(count):
        at = block.index(b"\n", at) + 1
    return at


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is shown."""

    number: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Lines that follow each other. `next` is where the line after them begins.

    `is_open`: the last line is not complete yet, and `next` is its own beginning.
    """

    lines: tuple[Line, ...]
    next: Mark
    style: Style = PLAIN
    is_open: bool = False


def shown(number: int, line: bytes, style: Style, more: int = 0) -> tuple[Line, Style]:
    """A line, without its line break, cut where it is too long; `more` bytes of it were not even read."""
    left_out = more + max(0, len(line) - MAX_LINE) if b"\r" not in line else more
    found, style = spans(line if b"\r" in line else line[:MAX_LINE], style)
    if left_out:
        found = (*found, Span(f"… {size_words(left_out)} more in this line: see the raw log", CUT))
    return Line(number, found), style


def whole_lines(data: bytes, mark: Mark, most: int, style: Style) -> Window:
    """The lines that end in `data`, which begins at the mark; at most so many."""
    lines: list[Line] = []
    at = 0
    while len(lines) < most and (end := data.find(b"\n", at)) >= 0:
        line, style = shown(mark.line + len(lines), data[at:end], style)
        lines.append(line)
        at = end + 1
    return Window(tuple(lines), Mark(mark.offset + at, mark.line + len(lines)), style)


def with_rest(window: Window, rest: bytes, more: int = 0) -> Window:
    """A window and the beginning of the line after it, which has not ended."""
    if not rest:
        return window
    line, _ = shown(window.next.line, rest, window.style, more)
    return Window((*window.lines, line), window.next, window.style, is_open=True)


def hits(data: bytes, first: int, needle: str, most: int) -> Sequence[int]:
    """Numbers of the lines in which `needle` is shown, whatever its case; `data` begins with line `first`."""
    if not _may_hold(data, needle):
        return []
    wanted, found = needle.casefold(), list[int]()
    for place, line in enumerate(data.split(b"\n")):
        if _may_hold(line, needle) and wanted in text_of(line).casefold():
            found.append(first + place)
            if len(found) == most:
                break
    return found


def _may_hold(data: bytes, needle: str) -> bool:
    """A cheap look before lines are taken apart: False only where the needle is certainly not shown."""
    stripped = _STYLING.sub(b"", data) if b"\x1b" in data else data
    if stripped.isascii():  # much the most, and ten times as fast as the pattern
        if stripped.translate(None, _PLAIN):
            return True
        folded = needle.casefold()  # of some letters beyond ASCII that is ASCII
        return folded.isascii() and folded.encode() in stripped.lower()
    if _NAMED.search(stripped):
        return True
    return needle.casefold() in stripped.decode("utf-8", "replace").casefold()


def text_of(line: bytes) -> str:
    found, _ = spans(line)
    return "".join(span.text for span in found)
