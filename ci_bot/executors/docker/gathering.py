"""A workspace and globs in; what they match, file by file, out into a sink. Links are never followed."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from ci_bot.core.errors import EngineError, PackRefused
from ci_bot.core.globs import NEVER, Globs, Spot
from ci_bot.ports import FileSink

MOST_ENTRIES: Final = 1_000_000  # looked at, matched or not

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def of_folder(top: Path, globs: Globs, sink: FileSink) -> None:
    """From the server's own directory, in the order of names. Raises `EngineError` for what cannot be read."""
    looked = 0
    waiting = [("", globs.top())]
    while waiting:
        folder, spot = waiting.pop()
        with _reading(folder), _opened(top, folder) as at:
            found: list[tuple[str, Spot]] = []
            for name in sorted(os.listdir(at)):  # noqa: PTH208 - of a descriptor
                looked = _counted(looked)
                below = globs.below(spot, name)
                inside = f"{folder}{name}"
                if inside != NEVER and _take(at, name, inside, globs, below, sink):
                    found.append((f"{inside}/", below))
            waiting += reversed(found)


def _take(at: int, name: str, inside: str, globs: Globs, spot: Spot, sink: FileSink) -> bool:
    """Whether it is a folder to go into."""
    if not globs.leads_on(spot):
        return False
    look = os.stat(name, dir_fd=at, follow_symlinks=False)
    if stat.S_ISDIR(look.st_mode):
        return True
    if not globs.has(spot):
        return False
    if stat.S_ISREG(look.st_mode):
        with os.fdopen(os.open(name, _FILE, dir_fd=at), "rb", buffering=0) as content:
            now = os.fstat(content.fileno())
            sink.file(inside, now.st_mode, now.st_mtime, now.st_size, cast("BinaryIO", content))
    elif stat.S_ISLNK(look.st_mode):
        sink.link(inside, os.readlink(name, dir_fd=at))
    else:
        sink.other(inside, _KINDS.get(stat.S_IFMT(look.st_mode), "no plain file"))
    return False


@contextmanager
def _opened(top: Path, path: str) -> Iterator[int]:
    """A folder below another one, opened part by part: any depth, and no link on the way."""
    fd = os.open(top, _FOLDER)
    try:
        for part in (part for part in path.split("/") if part):
            inside = os.open(part, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = inside
        yield fd
    finally:
        os.close(fd)


def of_archive(pieces: Iterable[bytes], root: str, globs: Globs, sink: FileSink) -> None:
    """From a tar stream as the engine packs a path of a container; `root` is what its names are relative to.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerArchive
    """
    looked = 0
    stream = _Stream(iter(pieces))
    with tarfile.open(fileobj=cast("BinaryIO", stream), mode="r|", errors="surrogateescape") as archive:
        for entry in archive:
            looked = _counted(looked)
            name = entry.name.removeprefix(root).strip("/")
            if not name or name.split("/", 1)[0] == NEVER or entry.isdir() or not globs.match(name):
                continue
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is not None:
                sink.file(name, entry.mode, entry.mtime, entry.size, cast("BinaryIO", content))
            elif entry.issym():
                sink.link(name, entry.linkname)
            else:
                sink.other(name, "a hard link" if entry.islnk() else "no plain file")


def _counted(looked: int) -> int:
    if looked == MOST_ENTRIES:
        raise PackRefused(f"more than {MOST_ENTRIES:,} files in the workspace to look through")
    return looked + 1


@contextmanager
def _reading(folder: str) -> Iterator[None]:
    """What cannot be read, as our error."""
    try:
        yield
    except OSError as error:
        where = f"{folder or '.'} of the workspace"
        raise EngineError(f"{where} cannot be read: {error.strerror or error}") from error


class _Stream(io.RawIOBase):
    """Pieces, as a file to be read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        end = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:end], self._rest[end:]
        return found
