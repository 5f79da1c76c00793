"""The secret of the whole suite, and the search for it in everything that the tests left behind.

Steps of scenarios are given it, print it and send it on. At the end of the suite it must stand in no file
beneath the tests' own folder: no log, database, report, control directory, ledger of the forge or backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ci_bot.core.mask import forms

CANARY: Final = "canary-0f7b1d-the-secret-of-the-suite"
#: A folder of this name is where a test plants a leak on purpose.
PLANTED: Final = "planted-leak"

#: Shorter ones are a few letters of base64, which may stand anywhere by chance.
_SOUGHT: Final = tuple(form for form in forms(CANARY.encode()) if len(form) > 16)


def holds_it(data: bytes) -> bool:
    """In any form that is masked."""
    return any(form in data for form in _SOUGHT)


def files(root: Path) -> Iterator[tuple[Path, bytes]]:
    """All beneath it and what they hold; a server may remove some meanwhile."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and path.is_file():
                with suppress(FileNotFoundError):
                    yield path, path.read_bytes()


def leaks(root: Path, *, planted: bool = False) -> list[Path]:
    """Files beneath `root` that hold it; `planted`: also where a test put it on purpose."""
    return [
        path for path, data in files(root) if (planted or PLANTED not in path.parts) and holds_it(data)
    ]
