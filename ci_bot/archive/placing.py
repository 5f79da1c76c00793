"""Names and contents in; files below one folder out, whatever the names say and whatever lies there already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from ci_bot.core.errors import PackRefused

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE: Final = 256 * 1024
NEVER: Final = ".git"  # git would obey what stands there


class Placing:
    """Walks by directory descriptors and follows no link, so nothing can get out of the folder.

    A file that is there is replaced; a folder is not. Raises `PackRefused` for a name that has no place.
    """

    def __init__(self, top: Path) -> None:
        self._top = os.open(top, _FOLDER)
        self._at: tuple[str, ...] = ()
        self._folder = os.dup(self._top)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._folder)
        os.close(self._top)

    def file(self, name: str, mode: int, modified: float, content: IO[bytes]) -> None:
        folder, last = self._cleared(name)
        fd = os.open(last, _NEW_FILE, 0o600, dir_fd=folder)
        with os.fdopen(fd, "wb") as file:
            while piece := content.read(_PIECE):
                file.write(piece)
            file.flush()
            os.fchmod(fd, mode & 0o777)
            os.utime(fd, (modified, modified))

    def link(self, name: str, target: str) -> None:
        folder, last = self._cleared(name)
        os.symlink(target, last, dir_fd=folder)

    def _cleared(self, name: str) -> tuple[int, str]:
        *above, last = _parts(name)
        folder = self._open(above)
        try:
            with suppress(FileNotFoundError):
                os.unlink(last, dir_fd=folder)
        except (IsADirectoryError, PermissionError) as error:
            raise PackRefused(f"{name!r} is a folder in the workspace, and a file here") from error
        return folder, last

    def _open(self, above: Sequence[str]) -> int:
        if tuple(above) == self._at:
            return self._folder
        folder = os.dup(self._top)
        try:
            for part in above:
                inside = _opened(part, folder, "/".join(above))
                os.close(folder)
                folder = inside
        except BaseException:
            os.close(folder)
            raise
        os.close(self._folder)
        self._folder, self._at = folder, tuple(above)
        return folder


def _opened(part: str, folder: int, shown: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(part, 0o755, dir_fd=folder)
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except OSError as error:  # a link (ELOOP), or a file (ENOTDIR)
        raise PackRefused(f"{shown!r} is no folder in the workspace, and one here") from error


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if "\0" in name or parts[0] == NEVER or any(part in ("", ".", "..") for part in parts):
        raise PackRefused(f"{name!r} has no place in a workspace")
    return parts
