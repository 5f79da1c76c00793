"""A folder in; how full its disk is, and how much stands below the folder, out."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ci_bot.core.disk import Disk, Held

#: More entries are not weighed: so many are much, whatever they hold.
MOST: Final = 500_000


def disk_of(folder: Path) -> Disk | None:
    """None where it cannot be looked at. Free is what users have who are not root."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    block = found.f_frsize
    return Disk(found.f_blocks * block, found.f_bavail * block, found.f_files, found.f_favail)


def weighed(folder: Path) -> Held:
    """What stands below it, as far as it can be read; links are not followed."""
    size = files = 0
    folders = [str(folder)]
    while folders and files < MOST:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                files += 1
                with suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return Held(size, files)
