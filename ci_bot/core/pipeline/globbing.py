"""Globs over the workspace as the file writes them: one, or a list; each checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ci_bot.core.globs import wrong_glob
from ci_bot.core.inputs import OPENING
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, one_or_more, text

MOST: Final = 100
SCHEMA: Final = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "minItems": 1, "maxItems": MOST, "items": {"type": "string", "minLength": 1}},
    ]
}


def globs(value: Value) -> tuple[str, ...] | None:
    entries = one_or_more(value)
    if entries is None:
        return None
    if not entries:
        value.wrong_key("names no files", 'write at least one, like "dist/**"')
    if len(entries) > MOST:
        value.wrong_key(f"{len(entries)} globs; there are at most {MOST}", "name folders instead")
        return None
    read = tuple(each for each in map(_glob, entries) if each is not None)
    _check_wanted(value, entries, read)
    return read or None


def _glob(entry: Value) -> str | None:
    glob = text(entry)
    if glob is None or not is_plain(entry, glob):
        return None
    if wrong := wrong_glob(glob):
        entry.wrong(f"{quoted(glob)} {wrong}")
        return None
    return glob


def is_plain(entry: Value, content: str) -> bool:
    """Reports what looks as if something would stand for it."""
    if OPENING not in content:
        return True
    entry.wrong("nothing is replaced here", "write the name itself")
    return False


def _check_wanted(value: Value, entries: Sequence[Value], read: Sequence[str]) -> None:
    if len(read) == len(entries) and read and all(glob.startswith("!") for glob in read):
        value.wrong_key("takes away alone", 'name something first that is kept, like "dist/**"')
