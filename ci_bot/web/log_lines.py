"""Lines of logs by their numbers, of whatever size the log is: an index of each that is looked at, bounded."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ci_bot.core.model import LogRef
from ci_bot.core.page.ansi import PLAIN, Style, style_before
from ci_bot.core.page.lines import (
    BLOCK,
    MAX_LINE,
    TELLING,
    LineIndex,
    Mark,
    Window,
    after_breaks,
    hits,
    shown,
    whole_lines,
    with_rest,
)
from ci_bot.ports import LogSink

KEPT: Final = 256  # indexes; 100 MB of log need 13 kB
PIECE: Final = 1024 * 1024  # bytes read at once while an index is made or a log searched
BUDGET: Final = 256 * 1024  # bytes of a log that one answer may be made of
SEARCHES: Final = 2  # at once; each keeps one processor busy
SEARCH_BYTES: Final = 512 * 1024 * 1024
STYLE_BYTES: Final = 16 * 1024  # how far back colours are looked for


@dataclass(slots=True)
class _Kept:
    index: LineIndex = field(default_factory=LineIndex)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a log is: bytes, and lines, the one that has not ended included."""

    size: int
    lines: int


class LogLines:
    """Reads through `LogSink.read` alone, at most `BUDGET` for an answer, all of it in threads."""

    def __init__(self, logs: LogSink) -> None:
        self._logs = logs
        self._kept: OrderedDict[LogRef, _Kept] = OrderedDict()
        self._searching = asyncio.Semaphore(SEARCHES)

    async def extent(self, log: LogRef) -> Extent:
        index = await self._index(log)
        is_whole = index.last.endswith(b"\n") or not index.size
        return Extent(index.size, index.ended + (0 if is_whole else 1))

    async def window(self, log: LogRef, first: int, most: int) -> Window:
        """At most so many lines from `first` on, fewer where they are long; none beyond the last one."""
        index = await self._index(log)
        if first - 1 > index.ended or first < 1:
            return Window((), await self.end(log))
        mark = Mark(await self._offset(log, index, first), first)
        data = await self._read(log, mark.offset, min(mark.offset + BUDGET, index.size))
        found = whole_lines(data, mark, most, await self.style_at(log, mark.offset))
        if len(found.lines) == most:
            return found
        rest = data[found.next.offset - mark.offset :]
        if found.next.line > index.ended:
            more = index.size - found.next.offset - len(rest)
            return with_rest(found, rest, more)
        return found if found.lines else await self._long_line(log, index, mark, rest, found.style)

    async def tail_start(self, log: LogRef, lines: int) -> int:
        """The number of the line from which on there are at most so many."""
        extent = await self.extent(log)
        return max(1, extent.lines - lines + 1)

    async def mark(self, log: LogRef, line: int) -> Mark:
        """Where a line begins. Raises `ValueError` for one that is not there."""
        index = await self._index(log)
        return Mark(await self._offset(log, index, line), line)

    async def end(self, log: LogRef) -> Mark:
        """Where the line that has not ended begins, or the next one will."""
        index = await self._index(log)
        return Mark(await self._offset(log, index, index.ended + 1), index.ended + 1)

    async def is_mark(self, log: LogRef, mark: Mark) -> bool:
        """Whether that line begins there: not if the log was written anew meanwhile."""
        index = await self._index(log)
        if mark.line - 1 > index.ended:
            return False
        return await self._offset(log, index, mark.line) == mark.offset

    async def style_at(self, log: LogRef, offset: int) -> Style:
        """The colours that the output before left behind, as far as `STYLE_BYTES` tell."""
        if not offset:
            return PLAIN
        return style_before(await self._read(log, max(0, offset - STYLE_BYTES), offset))

    async def search(
        self, log: LogRef, needle: str, first: int, most: int
    ) -> tuple[Sequence[int], int | None]:
        """Numbers of at most so many lines that show `needle`; and the line to go on with, None at the end."""
        index = await self._index(log)
        if first - 1 > index.ended:
            return (), None
        mark = Mark(await self._offset(log, index, first), first)
        found: list[int] = []
        async with self._searching:
            until = min(index.size, mark.offset + SEARCH_BYTES)
            while mark.offset < until and len(found) < most:
                data = await self._read(log, mark.offset, mark.offset + PIECE)
                end = data.rfind(b"\n") + 1
                piece = data[:end] if end and mark.offset + len(data) < index.size else data
                if not piece:
                    break
                here = await asyncio.to_thread(hits, piece, mark.line, needle, most - len(found))
                found += here[1:] if here[:1] == found[-1:] else here  # a line in several pieces
                mark = Mark(mark.offset + len(piece), mark.line + piece.count(b"\n"))
        if len(found) >= most:
            return found, found[-1] + 1
        return found, mark.line if mark.offset < index.size else None

    async def _long_line(
        self, log: LogRef, index: LineIndex, mark: Mark, head: bytes, style: Style
    ) -> Window:
        """A line alone that is longer than an answer may be."""
        following = await self._offset(log, index, mark.line + 1)
        line, style = shown(mark.line, head[:MAX_LINE], style, following - 1 - mark.offset - MAX_LINE)
        return Window((line,), Mark(following, mark.line + 1), style)

    async def _offset(self, log: LogRef, index: LineIndex, line: int) -> int:
        block, breaks = index.block_of(line)
        if not breaks:
            return block
        return block + after_breaks(await self._read(log, block, block + BLOCK), breaks)

    async def _index(self, log: LogRef) -> LineIndex:
        """As far as the log goes now. A log that was cut or written anew is counted anew."""
        kept = self._kept.setdefault(log, _Kept())
        self._kept.move_to_end(log)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        async with kept.turn:
            kept.index = await asyncio.to_thread(self._extended, log, kept.index)
            return kept.index

    def _extended(self, log: LogRef, index: LineIndex) -> LineIndex:
        size = self._logs.size(log)
        if size == index.size:
            return index
        before = self._logs.read(log, max(0, index.size - TELLING), index.size)
        if size < index.size or before != index.last:
            index = LineIndex()
        while index.size < size and (
            piece := self._logs.read(log, index.size, min(index.size + PIECE, size))
        ):
            index.feed(piece)
        return index

    async def _read(self, log: LogRef, start: int, end: int) -> bytes:
        return await asyncio.to_thread(self._logs.read, log, start, end)
