"""Where the output of steps is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from ci_bot.core.model import LogRef
from ci_bot.core.retention import KeptLog


class LogWriter(Protocol):
    """Receives the raw output of one step; masks, bounds and stores it.

    It must be fed from the first byte of the step's output, always: after a restart of the server it
    is fed from the first byte again and drops by itself what is stored already, so nothing is lost
    and nothing stands there twice. Called from one thread at a time, which need not be the loop's.
    """

    def write(self, chunk: bytes) -> None: ...

    def note(self, line: str) -> None:
        """A line of our own, marked as such, after everything written so far."""
        ...

    def close(self) -> int:
        """Flushes to disk and returns the stored size in bytes. Safe to call twice."""
        ...


class LogSink(Protocol):
    """Where logs are kept. Byte offsets are stable: what was read once at an offset stays there."""

    def open(self, log: LogRef, secrets: Sequence[bytes]) -> LogWriter: ...

    def size(self, log: LogRef) -> int: ...

    def read(self, log: LogRef, start: int = 0, end: int | None = None) -> bytes:
        """Stored bytes; b"" for a log that is not there."""
        ...

    def tail(self, log: LogRef, size: int) -> bytes:
        """At most the last `size` bytes, from the beginning of a line on where something is left out."""
        ...

    def follow(self, log: LogRef, start: int = 0) -> AsyncIterator[bytes]:
        """Stored bytes, then what comes, until the log is closed; no gap and no repeat at the join."""
        ...


class LogArchive(Protocol):
    """The logs of all jobs as something that takes up a disk. Both may block: call them in a thread."""

    def kept(self) -> Sequence[KeptLog]: ...

    def forget(self, job_id: str) -> None:
        """Removes the logs of a job. Safe to call twice."""
        ...
