"""Raw output of steps in; masked, bounded logs in files, and whoever follows them, out."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ci_bot.archive.writer import FileLogWriter
from ci_bot.core.model import LogRef
from ci_bot.core.retention import KeptLog

DEFAULT_LIMIT: Final = 10 * 1024 * 1024

_JOB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_POLL: Final = 0.05  # seconds
_PIECE: Final = 256 * 1024


class FileLogs:
    """A `LogSink`: `<root>/<job id>/<step>.log`, and beside it `<step>.end` once it is closed.

    `limit` is in bytes for one step's output after masking. Of more than that the first and the last
    half are kept, with a line of our own between them that says how much is missing.
    """

    def __init__(self, root: Path, *, limit: int = DEFAULT_LIMIT) -> None:
        self._root = root
        self._limit = limit

    @property
    def folder(self) -> Path:
        return self._root

    def open(self, log: LogRef, secrets: Sequence[bytes]) -> FileLogWriter:
        """Raises `StoreError` where the disk does not let us write."""
        return FileLogWriter(self._path(log), secrets, self._limit)

    def size(self, log: LogRef) -> int:
        try:
            return self._path(log).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, log: LogRef, start: int = 0, end: int | None = None) -> bytes:
        """Stored bytes from offset `start` up to, not including, `end`; b"" for a log not there."""
        try:
            with self._path(log).open("rb") as file:
                file.seek(start)
                return file.read() if end is None else file.read(max(0, end - start))
        except FileNotFoundError:
            return b""

    def tail(self, log: LogRef, size: int) -> bytes:
        """At most the last `size` bytes; where something is left out, it begins with a whole line.

        A last line longer than `size` is cut.
        """
        end = self.size(log)
        start = max(0, end - size)
        if not start:
            return self.read(log, 0, end)
        before, _, rest = self.read(log, start - 1, end).partition(b"\n")
        return rest or before[1:]

    async def follow(self, log: LogRef, start: int = 0) -> AsyncIterator[bytes]:
        """Waits for a log that is not there yet; ends when it is closed, also by another process."""
        seen = False
        while True:
            is_closed = self._path(log).with_suffix(".end").exists()  # asked before the bytes are read
            piece = await asyncio.to_thread(self.read, log, start, start + _PIECE)
            if piece:
                start += len(piece)
                yield piece
                continue
            is_there = self._path(log).exists()
            if is_closed or (seen and not is_there):
                return
            seen = is_there
            await asyncio.sleep(_POLL)

    def kept(self) -> Sequence[KeptLog]:
        """What there is of every job, from a look at the disk: that is where the space is."""
        if not self._root.is_dir():
            return []
        return [_kept(folder) for folder in self._root.iterdir() if _JOB_ID.fullmatch(folder.name)]

    def forget(self, job_id: str) -> None:
        """Removes the logs of a job. Safe to call twice."""
        shutil.rmtree(self._folder(job_id), ignore_errors=True)

    def _path(self, log: LogRef) -> Path:
        if log.step < 0:
            raise ValueError(f"no step has the index {log.step}")
        return self._folder(log.job_id) / f"{log.step}.log"

    def _folder(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"{job_id!r} is not the id of a job")
        return self._root / job_id


def _kept(folder: Path) -> KeptLog:
    """A folder that vanishes meanwhile is empty."""
    size, written_at = 0, 0.0
    with suppress(FileNotFoundError):
        written_at = folder.stat().st_mtime
        for file in folder.iterdir():
            found = file.stat()
            size += found.st_size
            written_at = max(written_at, found.st_mtime)
    return KeptLog(folder.name, size, written_at)
