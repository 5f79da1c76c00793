"""The output of a container that steps share: one stream in, each turn's own bytes and end out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from ci_bot.core.model import Usage
from ci_bot.executors.docker.control import Turn
from ci_bot.executors.docker.engine import Engine
from ci_bot.executors.docker.gate import Counters, Mark, Marks, ran_out, used
from ci_bot.executors.docker.output import Demultiplexer
from ci_bot.executors.docker.streams import Logged, Sink, Stream


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn ended. `had_oom` None: it is not counted; `peak` is the container's so far.

    `is_whole` False: the engine's log has lost its beginning, and some of the turn's output with it.
    """

    code: int
    usage: Usage | None = None
    had_oom: bool | None = None
    peak: int | None = None
    is_whole: bool = True


class Reading:
    """One stream from the container's first byte on. Blocking; `abort` may be called from any thread.

    What is written between the end of a turn and the next belongs to the next.
    """

    def __init__(self, stream: Stream, nonce: str) -> None:
        self.stream = stream
        self._marks = Marks(nonce)
        self._pieces = _pieces(stream, self._marks)
        self._turn = 1  # whose the next bytes are
        self._before: Counters | None = Counters()  # at the end of the turn before; None: not seen
        self.begun = 0  # the last turn that did

    def is_past(self, turn: Turn) -> bool:
        return self._turn > turn.number

    def read(self, turn: Turn, sink: Sink, skip: int, *, is_all: bool = False) -> Ended | None:
        """Writes the turn's bytes but for the first `skip`; None where the stream ends before the turn.

        `is_all`: the container has ended, so what looks like the beginning of a mark is none.
        """
        seen = 0
        for piece in chain(self._pieces, self._held() if is_all else ()):
            if isinstance(piece, Mark):
                ended = self._pass(piece)
                if ended is not None and piece.turn == turn.number:
                    return ended
            elif self._turn == turn.number:
                if fresh := piece[max(0, skip - seen) :]:
                    sink.write(fresh)
                seen += len(piece)
        return None

    def abort(self) -> None:
        self.stream.abort()

    def close(self) -> None:
        self.stream.close()

    def _held(self) -> Iterator[bytes | Mark]:
        yield self._marks.end()

    def _pass(self, mark: Mark) -> Ended | None:
        if mark.code is None:
            if mark.turn != self._turn:
                self._before = None
            self._turn = self.begun = mark.turn
            return None
        is_whole = mark.turn == self._turn and self._before is not None
        before, after = self._before or Counters(None, None, None), mark.counters
        if mark.turn != self._turn:
            before = Counters(None, None, None)
        self._turn, self._before = mark.turn + 1, after
        usage, had_oom = used(before, after), ran_out(before, after)
        return Ended(mark.code, usage, had_oom, after.memory, is_whole)


async def has_begun(engine: Engine, container: str, turn: Turn) -> bool:
    """Whether the gate has said that it was told of this turn."""

    class Nowhere:
        def write(self, chunk: bytes) -> None: ...

    stream = await engine.call(lambda client: Logged(client, container, follow=False))
    reading = Reading(stream, turn.nonce)
    with closing(reading):
        await engine.in_own_thread(lambda _: reading.read(turn, Nowhere(), 0))
    return reading.begun >= turn.number


def _pieces(stream: Stream, marks: Marks) -> Iterator[bytes | Mark]:
    demultiplexer = Demultiplexer(of_log=stream.of_log)
    for chunk in stream.chunks():
        yield from marks.feed(demultiplexer.feed(chunk))
