"""Some room beside the database that nobody else can take: given up when the disk is full."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from ci_bot.disks import disk_of

_log = structlog.get_logger()
SIZE: Final = 8 * 1024**2


class Reserve:
    """A file of `SIZE` bytes, really allocated.

    A job that fills the disk of its workspace takes the room for its own end, too: what it wrote is removed
    when that end is stored, and not before.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._is_there = False

    async def fill(self) -> None:
        """Where there is plenty of room. Never raises: without it a full disk waits for a person."""
        if not self._is_there:
            await asyncio.to_thread(self._fill)

    def give_up(self) -> None:
        self._is_there = False
        with suppress(OSError):
            self._file.unlink()

    def _fill(self) -> None:
        disk = disk_of(self._file.parent)
        if disk is None or disk.free < 4 * SIZE:
            return
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SIZE)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.warning("no room kept for a full disk", file=str(self._file), error=error.strerror)
            return
        self._is_there = True
