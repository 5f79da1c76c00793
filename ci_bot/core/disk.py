"""A disk as a failed step left it → whose matter that is, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ci_bot.core.words import size as size_words

#: Of a disk that nothing more could be written to this much may be free again: what failed cleaned up.
#: More than the database's reserve (`store/reserve.py`), which may be free by then.
LEAST: Final = 16 * 1024**2
MOST: Final = 64 * 1024**2
OUT: Final = 1024**2
LEAST_FILES: Final = 16


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes, and files (inodes), that it has and that are free. A file system without a limit of files has 0."""

    size: int
    free: int
    files: int = 0
    files_free: int = 0

    @property
    def is_full(self) -> bool:
        low = min(max(LEAST, self.size // 1000), MOST)
        return self.free < low or (self.files > 0 and self.files_free < LEAST_FILES)

    @property
    def is_out(self) -> bool:
        """Whether nothing can be stored there any more."""
        return self.free < OUT or (self.files > 0 and self.files_free == 0)


@dataclass(frozen=True, slots=True)
class Held:
    """What one job has written: bytes and files."""

    size: int
    files: int


def is_own(disk: Disk, held: Held) -> bool:
    """Whether a full disk is the doing of who holds so much of it: most of all that is used."""
    used, used_files = disk.size - disk.free, disk.files - disk.files_free
    return held.size * 2 > used or (disk.files > 0 and held.files * 2 > used_files)


def who_filled(disk: Disk, jobs: Mapping[str, Held]) -> str | None:
    """The id of the job whose own doing it is; None where it is nobody's in particular."""
    heaviest = max(jobs, key=lambda job: jobs[job].size, default=None)
    return heaviest if heaviest is not None and is_own(disk, jobs[heaviest]) else None


def own_words(held: Held) -> str:
    return f"the job's own files ({size_words(held.size)}) have filled the disk of its workspace"


def foreign_words(disk: Disk) -> str:
    return (
        f"the disk of the job's workspace is full ({size_words(disk.free)} free of "
        f"{size_words(disk.size)}), and not with its own files"
    )
