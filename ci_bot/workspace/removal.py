"""Folders full of hostile files in; nothing left of them out."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from ci_bot.core.errors import WorkspaceError

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty(folder: Path) -> None:
    """Removes everything in `folder`, which must be ours alone; symbolic links are not followed.

    Trees may be deeper than any path, any recursion or any number of open files allows: every folder
    is first moved up into `folder` and emptied there. Raises `WorkspaceError` where something belongs
    to somebody else and we are not root.
    """
    top = os.open(folder, _FOLDER)
    try:
        waiting = _entries(top, top)
        while waiting:
            name = waiting.pop()
            inside = _open(name, top)
            try:
                waiting += _entries(inside, top)
            finally:
                os.close(inside)
            os.rmdir(name, dir_fd=top)
    except PermissionError as error:
        raise WorkspaceError(
            f"{folder}: files of a step cannot be removed ({error.strerror}); they belong to another user: "
            "remove them as root, or run ci-bot as root"
        ) from error
    finally:
        os.close(top)


def _entries(inside: int, top: int) -> list[str]:
    """Unlinks what is in a folder and moves its folders up; their new names."""
    with os.scandir(inside) as scan:
        entries = list(scan)
    folders = []
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=inside)
        elif inside == top:
            folders.append(entry.name)
        else:
            folders.append(_moved_up(entry.name, inside, top))
    return folders


def _moved_up(name: str, inside: int, top: int) -> str:
    if os.geteuid():
        os.close(_open(name, inside))  # a folder that is not writable cannot be moved by its owner
    new = secrets.token_hex(8)
    os.rename(name, new, src_dir_fd=inside, dst_dir_fd=top)
    return new


def _open(name: str, parent: int) -> int:
    """Opens a folder, having made it accessible where we are not root but its owner."""
    if os.geteuid():
        path = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{path}", 0o700)  # noqa: PTH101 - no path: what was opened
        finally:
            os.close(path)
    return os.open(name, _FOLDER, dir_fd=parent)
