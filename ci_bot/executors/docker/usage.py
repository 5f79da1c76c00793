"""What a step's shell said that the step used: a FIFO in the control directory in, a Usage out.

The step itself could write there too: it is told as the step's own word, and nothing rests on it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ci_bot.core.model import Usage

_LINE: Final = re.compile(
    rb"(?P<memory>\d{1,15}|-) (?:(?P<nano>\d{1,18})|usage_usec (?P<micro>\d{1,15})|-)"
)
_MOST: Final = 64 * 1024  # what a FIFO holds


def parse_usage(said: bytes) -> Usage | None:
    """The last line counts; None for anything that is not one of ours."""
    match = _LINE.fullmatch(said.rstrip(b"\n").rpartition(b"\n")[2])
    if match is None:
        return None
    memory = None if match["memory"] == b"-" else int(match["memory"])
    cpu = None
    if match["nano"] is not None:
        cpu = int(match["nano"]) / 1e9
    elif match["micro"] is not None:
        cpu = int(match["micro"]) / 1e6
    return None if memory is None and cpu is None else Usage(memory, cpu)


class Hearing:
    """Keeps what is written into a FIFO until it is asked for; who writes there never waits for us."""

    def __init__(self, path: Path | None) -> None:
        self._descriptor: int | None = None
        if path is None:
            return
        with suppress(OSError):  # a directory that an earlier version made: then nothing is known
            self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def heard(self) -> Usage | None:
        if self._descriptor is None:
            return None
        try:
            return parse_usage(os.read(self._descriptor, _MOST))
        except OSError:  # nothing there
            return None

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def hearing(path: Path | None) -> Iterator[Hearing]:
    ear = Hearing(path)
    try:
        yield ear
    finally:
        ear.close()
