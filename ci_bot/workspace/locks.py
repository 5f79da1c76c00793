"""Locks that hold among the tasks of one process and among processes."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_POLL: Final = 0.05  # seconds


class Locks:
    """One lock per file name."""

    def __init__(self) -> None:
        self._tasks: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def hold(self, path: Path) -> AsyncIterator[int]:
        """Gives a descriptor: a process that inherits it keeps the lock for as long as it lives."""
        async with self._tasks[path]:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                while not _is_taken(fd):  # noqa: ASYNC110 - another process wakes nobody here
                    await asyncio.sleep(_POLL)
                yield fd
            finally:
                os.close(fd)


def _is_taken(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
