"""Files of a job in, one compressed pack on the disk; and its files below a folder, out. For artifacts and caches."""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

import zstandard

from ci_bot.archive.placing import Placing
from ci_bot.core.errors import PackDamaged, PackRefused, StoreError
from ci_bot.core.words import size as size_words
from ci_bot.ports import KeptPack, Packed, PackLimits

SUFFIX: Final = ".tar.zst"
UNFINISHED: Final = ".part"
GONE: Final = "they are not on this server any more"

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_PIECE: Final = 256 * 1024
_LEVEL: Final = 3


class FilePacks:
    """`ports.Packs` in one folder: `<id>.tar.zst`, written under another name and moved when it is whole."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def begin(self, id: str, limits: PackLimits, *, links: bool) -> Iterator[FilePacking]:
        target = self._path(id)
        with _told(target):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(prefix=f"{id}.", suffix=UNFINISHED, dir=self._root)
        part = Path(name)
        try:
            with os.fdopen(fd, "wb") as file:
                packing = FilePacking(file, part, target, limits, links=links)
                yield packing
        finally:
            with suppress(FileNotFoundError):  # it was moved, being whole
                part.unlink()

    def unpack(self, id: str, into: Path, limits: PackLimits) -> Packed:
        with self.open(id) as file, _told(self._path(id)), Placing(into) as placing:
            names = _unpack(file, placing, limits)
            packed = os.fstat(file.fileno()).st_size
        return Packed(tuple(names), sum(size for _, size in names), packed)

    def open(self, id: str) -> BinaryIO:
        try:
            return self._path(id).open("rb")
        except FileNotFoundError:
            raise PackRefused(GONE) from None

    def size(self, id: str) -> int | None:
        try:
            return self._path(id).stat().st_size
        except FileNotFoundError:
            return None

    def kept(self) -> Sequence[KeptPack]:
        """What is unfinished counts under the id that it would have."""
        if not self._root.is_dir():
            return []
        found = []
        for path in self._root.iterdir():
            with suppress(FileNotFoundError):
                look = path.stat()
                found.append(KeptPack(path.name.partition(".")[0], look.st_size, look.st_mtime))
        return found

    def forget(self, id: str) -> None:
        self._path(id).unlink(missing_ok=True)
        for part in self._root.glob(f"{id}.*{UNFINISHED}"):
            part.unlink(missing_ok=True)

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id):
            raise ValueError(f"{id!r} is not the id of a pack")
        return self._root / f"{id}{SUFFIX}"


class FilePacking:
    """A `ports.Packing`. Owners are left out, and so are bits of modes that give rights to whoever runs a file."""

    def __init__(
        self, file: BinaryIO, part: Path, target: Path, limits: PackLimits, *, links: bool
    ) -> None:
        self._file = file
        self._part = part
        self._target = target
        self._limits = limits
        self._links = links
        self._names: list[tuple[str, int]] = []
        self._left_out: list[tuple[str, str]] = []
        self._size = 0
        threads = 1 if (os.cpu_count() or 1) > 1 else 0
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=threads)
        self._frame = compressor.stream_writer(file, closefd=False)
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `finish`
            fileobj=cast("BinaryIO", self._frame), mode="w|", format=tarfile.GNU_FORMAT,
            errors="surrogateescape",
        )  # fmt: skip

    def file(self, name: str, mode: int, modified: float, size: int, content: BinaryIO) -> None:
        self._count(name, size)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, mode & 0o777, int(modified)
        with _told(self._target):
            self._tar.addfile(entry, cast("io.BytesIO", _Exactly(content, size)))

    def link(self, name: str, target: str) -> None:
        if not self._links:
            self.other(name, "a symbolic link")
            return
        self._count(name, 0)
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        with _told(self._target):
            self._tar.addfile(entry)

    def other(self, name: str, what: str) -> None:
        self._left_out.append((name, what))

    def finish(self) -> Packed:
        with _told(self._target):
            self._tar.close()
            self._frame.flush(zstandard.FLUSH_FRAME)
            self._file.flush()
            os.fsync(self._file.fileno())
            packed = self._file.tell()
            self._part.rename(self._target)
            _sync(self._target.parent)
        return Packed(tuple(self._names), self._size, packed, tuple(self._left_out))

    def _count(self, name: str, size: int) -> None:
        self._names.append((name, size))
        self._size += size
        if len(self._names) > self._limits.files:
            raise PackRefused(f"more than {self._limits.files:,} files; name fewer in paths")
        if self._size > self._limits.size:
            limit = size_words(self._limits.size)
            raise PackRefused(f"more than {limit} of files; name less in paths")


def _unpack(file: BinaryIO, placing: Placing, limits: PackLimits) -> list[tuple[str, int]]:
    """Bounded by what is read, whatever a header says."""
    names: list[tuple[str, int]] = []
    total = 0
    reader = zstandard.ZstdDecompressor().stream_reader(file, closefd=False)
    with tarfile.open(fileobj=cast("BinaryIO", reader), mode="r|", errors="surrogateescape") as archive:
        for entry in archive:
            names.append((entry.name, entry.size))
            total += entry.size
            if len(names) > limits.files or total > limits.size:
                raise PackRefused("it holds more than this server lets a job have")
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is not None:
                placing.file(entry.name, stat.S_IMODE(entry.mode), entry.mtime, content)
            elif entry.issym():
                placing.link(entry.name, entry.linkname)
    return names


class _Exactly(io.RawIOBase):
    """`size` bytes, whatever becomes of the file meanwhile: the header has said so."""

    def __init__(self, content: BinaryIO, size: int) -> None:
        super().__init__()
        self._content = content
        self._left = size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._content.read(min(wanted, _PIECE)) if wanted else b""
        while wanted and len(found) < wanted:
            more = self._content.read(wanted - len(found))
            found += more or bytes(wanted - len(found))
        self._left -= len(found)
        return found


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the disk, and what lies on it, says against us, as our errors."""
    try:
        yield
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise PackDamaged(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
