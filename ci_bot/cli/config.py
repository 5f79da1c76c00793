"""A pipeline file of a working tree, with what it includes, in; a Reading out."""

from __future__ import annotations

from pathlib import Path

from ci_bot.core.pipeline import Absent, Limits, Reading, read


def read_config(text: bytes, file: str, root: Path, default_image: str, limits: Limits) -> Reading:
    """`root` is the top of the repository: included files are named from there. Any may be uncommitted."""
    brought: dict[str, bytes | Absent] = {}
    while True:
        reading = read(text, file=file, default_image=default_image, limits=limits, included=brought)
        if not reading.wanted:
            return reading
        brought |= {path: _bring(root, path) for path in reading.wanted}


def _bring(root: Path, path: str) -> bytes | Absent:
    """A symbolic link may lead about in the repository, as on a forge, and not out of it."""
    try:
        found = (root / path).resolve()
        if not found.is_relative_to(root.resolve()):
            return Absent("leads out of the repository")
        return found.read_bytes()
    except FileNotFoundError:
        return Absent("is not there")
    except (OSError, RuntimeError) as error:
        return Absent(f"cannot be read: {getattr(error, 'strerror', None) or error}")
