"""An archive of artifacts in; its files below a folder, and nothing anywhere else, out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ci_bot.archive.packs import FilePacks
from ci_bot.ports import Packed, PackLimits

#: Whoever asks for files on their own disk gets what the server let a job have.
ANY_SIZE: Final = PackLimits(size=2**63, files=10**7)


def unpack(archive: Path, into: Path) -> Packed:
    """`archive` is called `<id>.tar.zst`. Raises `CiBotError`."""
    into.mkdir(parents=True, exist_ok=True)
    return FilePacks(archive.parent).unpack(archive.name.partition(".")[0], into, ANY_SIZE)
