"""A Makefile, where nothing else says what the project is made of."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.starter.values import Files, StarterJob

WANTED: Final = ("GNUmakefile", "makefile", "Makefile")  # in the order in which make looks

_TARGETS: Final = ("test", "check")


def find(files: Files) -> StarterJob | None:
    name = next((name for name in WANTED if name in files), "")
    if not name:
        return None
    tests = [
        target for target in _TARGETS if re.search(rf"^{target}\s*:(?!=)", files[name], re.MULTILINE)
    ]
    return StarterJob(
        id="make",
        why=f"Make ({', '.join([name, *tests[:1]])})",
        image="buildpack-deps:bookworm",
        steps=("make", *(f"make {target}" for target in tests[:1])),
        env={},
        note="An image with compilers and make; name one that has what your Makefile needs.",
    )
