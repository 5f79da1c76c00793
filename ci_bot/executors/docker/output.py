"""The engine's multiplexed output stream: chunks as they arrive in, the step's own bytes out. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
"""

from __future__ import annotations

_HEADER = 8

#: The engine cuts longer lines into messages of this size.
#: https://github.com/moby/moby/blob/v20.10.24/daemon/logger/copier.go
_MESSAGE = 16 * 1024


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
