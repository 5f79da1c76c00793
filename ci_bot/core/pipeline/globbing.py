"""Globs over the workspace as the file writes them: one, or a list; each checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from ci_bot.core.globs import wrong_glob
from ci_bot.core.inputs import OPENING
from ci_bot.core.pipeline.features.schemas import GLOB, alone_or_listed
from ci_bot.core.pipeline.references import refers_to_matrix
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, one_or_more, text

#: Reports what is wrong with `${{ … }}` in a glob.
IsRight: TypeAlias = Callable[[Value, str], bool]

MOST: Final = 100
SCHEMA: Final = {
    **alone_or_listed(GLOB, minItems=1, maxItems=MOST),
}


def globs(value: Value) -> tuple[str, ...] | None:
    """Values of the matrix may stand in them."""
    return _globs(value, refers_to_matrix)


def plain_globs(value: Value) -> tuple[str, ...] | None:
    """Nothing is replaced in them."""
    return _globs(value, is_plain)


def _globs(value: Value, is_right: IsRight) -> tuple[str, ...] | None:
    entries = one_or_more(value)
    if entries is None:
        return None
    if not entries:
        value.wrong_key("names no files", 'write at least one, like "dist/**"')
    if len(entries) > MOST:
        value.wrong_key(f"{len(entries)} globs; there are at most {MOST}", "name folders instead")
        return None
    read = tuple(each for entry in entries if (each := _glob(entry, is_right)) is not None)
    _check_wanted(value, entries, read)
    return read or None


def _glob(entry: Value, is_right: IsRight) -> str | None:
    glob = text(entry)
    if glob is None or not is_right(entry, glob):
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
