"""One step's raw output in, from its first byte; one masked and bounded file out, whole after any kill."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ci_bot.core.errors import StoreError
from ci_bot.core.mask import Masker

OVER_LIMIT: Final = (
    "[ci-bot: over the log limit of {limit}; only the end will follow, when the step ends]"
)
CUT: Final = "[ci-bot: {cut} cut here; the log limit is {limit}]"
NOTE: Final = "[ci-bot] {line}"
CHANGED: Final = (
    "what the engine gave after a restart differs from byte {at} on; that part was written anew"
)

_PIECE: Final = 256 * 1024
_LINE_SEARCH: Final = 4096  # how much of the kept end is given up to begin it with a whole line


class FileLogWriter:
    """A `LogWriter` for one file.

    What stands in the file is a function of the raw bytes, the secrets and the limit alone, whatever
    the pieces: masked bytes up to half the limit, and on `close` what else there is, or its end. So a
    writer that starts anew after a kill compares where bytes are stored already and goes on where they
    end. Bytes that differ (the engine lost some, or the step was started anew) are replaced, and a
    note says so. Notes stand at the end, since in between they would not come back after a restart.

    An `OSError` becomes a `StoreError` in words, from then on for every call.
    """

    def __init__(self, path: Path, secrets: Sequence[bytes], limit: int) -> None:
        self._path = path
        self._masker = Masker(secrets)
        self._limit = limit
        self._half = limit // 2
        self._total = 0  # masked bytes so far
        self._last = bytearray()  # the end of what is beyond the first half
        self._notes: list[str] = []
        self._changed_at: int | None = None
        self._position = 0  # up to here the file holds what it should
        self._fd: int | None = None
        self._error: str | None = None
        self._size: int | None = None  # once closed
        try:
            self._fd = _open(path)
            self._stored = os.fstat(self._fd).st_size
        except OSError as error:
            raise self._failed(error) from error

    def write(self, chunk: bytes) -> None:
        fd = self._usable()
        try:
            for at in range(0, len(chunk), _PIECE):
                self._take(fd, self._masker.feed(chunk[at : at + _PIECE]))
        except OSError as error:
            raise self._failed(error) from error

    def note(self, line: str) -> None:
        """One line, whatever `line` holds; secrets are masked in it too."""
        self._notes.append(NOTE.format(line=" ".join(line.split())))

    def close(self) -> int:
        if self._size is None:
            fd = self._usable()
            try:
                self._size = self._finish(fd)
            except OSError as error:
                raise self._failed(error) from error
        return self._size

    def _usable(self) -> int:
        if self._fd is None:
            raise StoreError(self._error or f"the log {self._path} is closed")
        return self._fd

    def _failed(self, error: OSError) -> StoreError:
        self._error = f"the log {self._path} cannot be written: {error.strerror}"
        with suppress(OSError):
            self._path.with_suffix(".end").touch()  # nothing more will come for those who follow
        self._release()
        return StoreError(self._error)

    def _release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _take(self, fd: int, masked: bytes) -> None:
        room = max(0, self._half - self._total)
        was_over = self._total > self._limit
        self._total += len(masked)
        self._put(fd, masked[:room])
        self._last += masked[room:]
        if self._total > self._limit:
            del self._last[: max(0, len(self._last) - (self._limit - self._half))]
            if not was_over:
                self._put(fd, self._own_line(fd, OVER_LIMIT.format(limit=_size(self._limit))))

    def _finish(self, fd: int) -> int:
        self._take(fd, self._masker.close())
        if self._total > self._limit:
            self._put(fd, self._marked_end(fd))
        else:
            self._put(fd, bytes(self._last))
        self._put_notes(fd)
        size = max(self._position, self._stored)
        os.fsync(fd)
        self._path.with_suffix(".end").touch()
        _sync(self._path.parent)
        self._release()
        return size

    def _marked_end(self, fd: int) -> bytes:
        last = bytes(self._last)
        last = last[last.find(b"\n", 0, _LINE_SEARCH) + 1 :]
        cut = self._total - self._half - len(last)
        return self._own_line(fd, CUT.format(cut=_size(cut), limit=_size(self._limit))) + last

    def _put_notes(self, fd: int) -> None:
        if self._changed_at is not None:
            self.note(CHANGED.format(at=self._changed_at))
        notes = self._notes_here(fd)
        if not notes.startswith(os.pread(fd, self._stored - self._position, self._position)):
            # An earlier process saw more than we were given: what it stored is kept.
            self._position = self._stored
            notes = self._notes_here(fd)
        self._put(fd, notes)

    def _notes_here(self, fd: int) -> bytes:
        return self._own_line(fd, "\n".join(self._notes)) if self._notes else b""

    def _own_line(self, fd: int, line: str) -> bytes:
        """With the line break that is missing before it, if one is."""
        before = os.pread(fd, 1, self._position - 1) if self._position else b"\n"
        start = "" if before == b"\n" else "\n"
        return self._masker.mask(f"{start}{line}\n".encode())

    def _put(self, fd: int, data: bytes) -> None:
        """Makes `data` what stands at the position; what is there already is not written again."""
        known = min(len(data), self._stored - self._position)
        if known:
            stored = os.pread(fd, known, self._position)
            if stored != data[:known]:
                known = _common(stored, data)
                self._cut_at(fd, self._position + known)
            self._position += known
        rest = memoryview(data)[known:]
        while rest:
            written = os.pwrite(fd, rest, self._position)
            self._position += written
            self._stored = max(self._stored, self._position)
            rest = rest[written:]

    def _cut_at(self, fd: int, at: int) -> None:
        os.ftruncate(fd, at)
        self._stored = at
        if self._changed_at is None:
            self._changed_at = at


def _open(path: Path) -> int:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(path.parent.parent)
    path.with_suffix(".end").unlink(missing_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _common(a: bytes, b: bytes) -> int:
    """How many bytes at the beginning are equal."""
    shorter = min(len(a), len(b))
    return next((at for at in range(shorter) if a[at] != b[at]), shorter)


def _size(size: int) -> str:
    if size < 1024:
        return "1 byte" if size == 1 else f"{size} bytes"
    number, unit = (size / 1024, "KiB") if size < 1024 * 1024 else (size / (1024 * 1024), "MiB")
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"
