"""Files in; one compressed file with a manifest of hashes out, and back: each name and each hash is checked."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import zstandard
from pydantic import TypeAdapter, ValidationError

from ci_bot.core.backup import MANIFEST, Entry, Manifest, damage, is_name
from ci_bot.core.errors import StoreError

_PIECE: Final = 1024 * 1024
_SMALL: Final = 4096  # compressed; it may hold much
_MANIFEST: Final = TypeAdapter(Manifest)
MOST_PROBLEMS: Final = 5


class Bundle:
    """A backup while it is being written. Made by `writing`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.entries: dict[str, Entry] = {}

    def add(self, name: str, path: Path) -> None:
        """A file that nobody writes to."""
        with path.open("rb") as file:
            self._put(name, os.fstat(file.fileno()).st_size, file)

    def add_bytes(self, name: str, content: bytes) -> None:
        self._put(name, len(content), io.BytesIO(content))

    def finish(self, manifest: Manifest) -> None:
        self.add_bytes(MANIFEST, _MANIFEST.dump_json(manifest, indent=1))

    def _put(self, name: str, size: int, file: IO[bytes]) -> None:
        if not is_name(name):
            raise ValueError(f"{name} has no place in a backup")
        head = tarfile.TarInfo(name)
        head.size, head.mode = size, 0o600
        hashed = _Hashed(file)
        self._tar.addfile(head, hashed)
        self.entries[name] = Entry(size, hashed.sha256)


@contextmanager
def writing(path: Path) -> Iterator[Bundle]:
    """The file appears under its name, with mode 0600, when all of it is on the disk; before that not at all."""
    fresh = path.with_name(f".{path.name}.part")
    fresh.unlink(missing_ok=True)
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
            with (
                compressor.stream_writer(file, closefd=False) as packed,
                tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                yield Bundle(tar)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync(path.parent)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def unpack(path: Path, into: Path) -> Manifest:
    """Every file below `into`, with mode 0600; each is what the manifest says. Raises `StoreError` in words."""
    found: dict[str, Entry] = {}
    try:
        with (
            path.open("rb") as file,
            _Frame(file) as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            for member in tar:
                if member.name in found:
                    raise StoreError(f"{path}: {member.name} stands in it twice")
                found[member.name] = _extract(tar, member, into)
            while packed.read(_PIECE):  # to its end, where the checksum of the whole stands
                pass
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise StoreError(f"{path} is not a whole backup of ci-bot: {error}") from error
    return _verified(path, into, found)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> Entry:
    content = tar.extractfile(member) if member.isreg() and is_name(member.name) else None
    if content is None:
        raise StoreError(f"{member.name!r} has no place in a backup; nothing of it was restored")
    target = into / member.name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = _Hashed(content)
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        while piece := hashed.read(_PIECE):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return Entry(member.size, hashed.sha256)


def _verified(path: Path, into: Path, found: dict[str, Entry]) -> Manifest:
    if found.pop(MANIFEST, None) is None:
        raise StoreError(f"{path} is not a whole backup of ci-bot: its manifest is missing")
    try:
        manifest = _MANIFEST.validate_json((into / MANIFEST).read_bytes())
    except ValidationError as error:
        raise StoreError(f"{path}: its manifest cannot be read by this version of ci-bot") from error
    problems = damage(manifest, found)
    if problems:
        more = f" and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise StoreError(f"{path} is damaged: {'; '.join(problems[:MOST_PROBLEMS])}{more}")
    return manifest


class _Frame(io.RawIOBase):
    """What a compressed file holds. The library's own reader takes one that ends too early for a whole one."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = b""

    def read(self, size: int = -1) -> bytes:
        """Raises `EOFError` where the file ends before its frame and the checksum of that."""
        while not self._frame.eof and (size < 0 or len(self._ready) < size):
            piece = self._file.read(_SMALL)
            if not piece:
                raise EOFError("it ends too early")
            self._ready += self._frame.decompress(piece)
        if self._frame.eof and (self._frame.unused_data or self._file.read(1)):
            raise EOFError("something stands after its end")
        end = len(self._ready) if size < 0 else size
        found, self._ready = self._ready[:end], self._ready[end:]
        return found


class _Hashed(io.RawIOBase):
    """Reads on from a file, and knows the hash of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._hash.update(piece)
        return piece

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
