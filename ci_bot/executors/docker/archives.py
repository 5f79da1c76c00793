"""Files of the server in, the tar stream that the engine unpacks into a container out.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/PutContainerArchive
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ci_bot.executors.docker.users import ROOT, Owner

_CHUNK = 256 * 1024
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)

#: Where git keeps objects; what else is there only speeds it up.
_OBJECT_FOLDER = re.compile(r"[0-9a-f]{2}|pack")


def of_workspace(top: Path, name: str, owner: Owner) -> Iterator[bytes]:
    """A whole tree as the directory `name`, modes as they are, every file `owner`'s."""
    return _joined(_tree(top, name, owner))


def of_objects(top: Path, name: str) -> Iterator[bytes]:
    """The objects of a git repository as the directory `name`, for reading alone.

    Another job may fetch into it meanwhile: a pack counts once its index is there, which git writes
    last. Raises `FileNotFoundError` if git tidies up while this reads; then begin again.
    """
    return _joined(_objects(top, name))


def of_texts(folder: str, texts: Iterable[tuple[str, bytes]]) -> bytes:
    """Small files that everybody may read, in `folder` below the root ("ci-bot/control")."""
    parents = [str(part) for part in reversed(Path(folder).parents) if part.name]
    headers = [_header(name, tarfile.DIRTYPE, 0o755) for name in (*parents, folder)]
    files = [
        _header(f"{folder}/{name}", tarfile.REGTYPE, 0o444, len(text)) + text + _padding(len(text))
        for name, text in texts
    ]
    return b"".join([*headers, *files, _END])


def _tree(top: Path, name: str, owner: Owner) -> Iterator[bytes]:
    """Walks without recursion: a commit may hold any depth of directories."""
    waiting = [(top, name)]
    while waiting:
        folder, inside = waiting.pop()
        mode = stat.S_IMODE(folder.lstat().st_mode)
        yield _header(inside, tarfile.DIRTYPE, mode, owner=owner)
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), f"{inside}/{entry.name}"))
            else:
                yield from _file(Path(entry.path), f"{inside}/{entry.name}", owner)


def _objects(top: Path, name: str) -> Iterator[bytes]:
    yield _header(name, tarfile.DIRTYPE, 0o755)
    for folder in sorted(path.name for path in top.iterdir() if _OBJECT_FOLDER.fullmatch(path.name)):
        yield _header(f"{name}/{folder}", tarfile.DIRTYPE, 0o755)
        files = sorted(path.name for path in (top / folder).iterdir())
        for file in files:
            if _is_finished(file, files):
                yield from _file(top / folder / file, f"{name}/{folder}/{file}", ROOT, mode=0o444)


def _is_finished(file: str, files: list[str]) -> bool:
    """Not what git is still writing, nor a pack whose index was not there at the look."""
    if file.startswith("pack-"):
        return f"{file.partition('.')[0]}.idx" in files
    return re.fullmatch(r"[0-9a-f]+", file) is not None


def _file(path: Path, name: str, owner: Owner, mode: int | None = None) -> Iterator[bytes]:
    """A plain file or a symbolic link; anything else is left out, and git makes nothing else."""
    found = path.lstat()
    permissions = stat.S_IMODE(found.st_mode) if mode is None else mode
    if stat.S_ISLNK(found.st_mode):
        yield _header(name, tarfile.SYMTYPE, 0o777, owner=owner, link=str(path.readlink()))
    elif stat.S_ISREG(found.st_mode):
        yield _header(name, tarfile.REGTYPE, permissions, found.st_size, owner, found.st_mtime)
        yield from _content(path, found.st_size)


def _content(path: Path, size: int) -> Iterator[bytes]:
    """Exactly `size` bytes, whatever happens to the file meanwhile: the header has said so."""
    left = size
    with path.open("rb", buffering=0) as file:
        while left:
            chunk = file.read(min(left, _CHUNK)) or bytes(min(left, _CHUNK))
            left -= len(chunk)
            yield chunk
    yield _padding(size)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _header(
    name: str,
    kind: bytes,
    mode: int,
    size: int = 0,
    owner: Owner = ROOT,
    mtime: float = 0.0,
    link: str = "",
) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    info.uid, info.gid, info.mtime = owner.uid, owner.gid, int(mtime)
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """In larger chunks: each one is a message to the engine."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting) + _END
