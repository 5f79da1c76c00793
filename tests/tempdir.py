"""Where what the tests make lies: in memory where there is room, since a disk is what their databases wait for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
#: Bytes that must be free there, and available in all: a run leaves less than a tenth of it.
ROOM: Final = 4 << 30
#: What pytest takes instead of the system's directory for such things.
#: https://docs.pytest.org/en/stable/reference/reference.html#environment-variables
WHERE: Final = "PYTEST_DEBUG_TEMPROOT"


def take_memory(environment: Mapping[str, str] = os.environ, memory: Path = MEMORY) -> Path | None:
    """The directory in memory; None where there is none with room, or somebody has said where."""
    if WHERE in environment:
        return None
    try:
        found = os.statvfs(memory)
        free = min(found.f_bavail * found.f_frsize, _available())
    except OSError:
        return None
    runs_programs = not found.f_flag & os.ST_NOEXEC
    return memory if runs_programs and free >= ROOM and os.access(memory, os.W_OK) else None


def _available() -> int:
    """https://docs.kernel.org/filesystems/proc.html#meminfo"""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0


def give_back(folder: Path) -> None:
    """A disk may keep the last runs for whoever wants to look; memory keeps only those that failed."""
    if folder.is_relative_to(MEMORY):
        shutil.rmtree(folder, ignore_errors=True)
