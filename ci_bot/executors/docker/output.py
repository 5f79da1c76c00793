"""The engine's multiplexed output stream: chunks as they arrive in, the step's own bytes out. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
"""

from __future__ import annotations

from collections.abc import Callable

_HEADER = 8

#: The engine cuts longer lines into messages of this size.
#: https://github.com/moby/moby/blob/v20.10.24/daemon/logger/copier.go
_MESSAGE = 16 * 1024

#: A shell may have something to say before it comes to its first line: about the locale, mostly.
_BEFORE = 4 * 1024


class Demultiplexer:
    """Takes the frames apart, whatever their kind, and gives back what the process wrote.

    With `of_log` the stream is what log driver `local` kept, one frame a message, each with its time
    stamp in front (without which empty messages would not be told). Engines before 23 forget the end
    of a line that was longer than a message; it is put back when the next message comes.
    """

    def __init__(self, *, of_log: bool) -> None:
        self._of_log = of_log
        self._rest = bytearray()
        self._owes_newline = False

    def feed(self, chunk: bytes) -> bytes:
        self._rest += chunk
        whole, start = bytearray(), 0
        while (end := self._frame_end(start)) is not None:
            frame = bytes(self._rest[start + _HEADER : end])
            whole += self._message(frame.partition(b" ")[2]) if self._of_log else frame
            start = end
        del self._rest[:start]
        return bytes(whole)

    def _frame_end(self, start: int) -> int | None:
        if len(self._rest) - start < _HEADER:
            return None
        end = start + _HEADER + int.from_bytes(self._rest[start + 4 : start + _HEADER], "big")
        return end if end <= len(self._rest) else None

    def _message(self, message: bytes) -> bytes:
        owed = b"\n" if self._owes_newline else b""
        self._owes_newline = len(message) < _MESSAGE and not message.endswith(b"\n")
        return owed + message


class Beginning:
    """Takes a line of our own, the first in a step's output, out of it; holds back only what may be that line.

    `heard` is called when it has come. It must not raise.
    """

    def __init__(self, line: str, heard: Callable[[], None]) -> None:
        self._line = f"{line}\n".encode()
        self._heard = heard
        self._held = b""
        self._is_within_line = False
        self._left = _BEFORE
        self._is_seen = False

    def feed(self, chunk: bytes) -> bytes:
        if self._is_seen or self._left <= 0:
            return chunk
        rest, passed = self._held + chunk, b""
        while rest and self._left > 0 and not self._is_seen:
            if self._is_within_line:
                line, newline, rest = rest.partition(b"\n")
                passed += line + newline
                self._left -= len(line) + 1
                self._is_within_line = not newline
            elif rest.startswith(self._line):
                self._is_seen, rest = True, rest.removeprefix(self._line)
                self._heard()
            elif self._line.startswith(rest):
                break
            else:
                self._is_within_line = True
        if self._is_seen or self._left <= 0:
            passed, rest = passed + rest, b""
        self._held = rest
        return passed

    def end(self) -> bytes:
        """What was held back for a line that never came whole."""
        rest, self._held = self._held, b""
        return rest
