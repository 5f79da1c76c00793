"""What the database was encrypted and sealed with, and the keys that are there → what is lost, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

MISSING: Final = (
    "{file} is not there, and {what} made with its key {ids}; restore it from a backup. If it is lost for "
    "good, `ci-bot secret rotate-key --lost` makes a new one and lists what has to be made again"
)
LACKING: Final = (
    "{file} has no key {ids}, which {what} made with: it was lost, or made anew; restore it from a backup, "
    "or {remedy}: {names}"
)
STORED, SEALED = "secrets.key", "sealing.key"
MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class MadeWith:
    """Something that one key opens; `name` is for people: "TOKEN of acme/web"."""

    key_id: str
    name: str


@dataclass(frozen=True, slots=True)
class KeyFile:
    """`keys` are the ids in it, None where there is no file; `used` is what the database has of it."""

    name: str  # STORED or SEALED
    keys: Collection[str] | None
    used: Sequence[MadeWith]

    @property
    def lost(self) -> tuple[MadeWith, ...]:
        return tuple(each for each in self.used if each.key_id not in (self.keys or ()))


def missing(file: KeyFile) -> str:
    """Why a new file must not be made in silence, "" where nothing depends on the old one."""
    if file.keys is not None or not file.lost:
        return ""
    return MISSING.format(file=file.name, what=_what(file), ids=_ids(file))


def lacking(file: KeyFile) -> str:
    """Which keys the file should have and has not, and what cannot be opened without them."""
    if not file.lost:
        return ""
    if file.keys is None:
        return missing(file)
    remedy = "set these again" if file.name == STORED else "seal these again"
    names = list(dict.fromkeys(each.name for each in file.lost))
    rest = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    listed = ", ".join(names[:MOST_NAMES]) + rest
    return LACKING.format(file=file.name, ids=_ids(file), what=_what(file), remedy=remedy, names=listed)


def _what(file: KeyFile) -> str:
    count = len({each.name for each in file.lost})
    kind = "stored secret" if file.name == STORED else "sealed string"
    return f"1 {kind} was" if count == 1 else f"{count} {kind}s were"


def _ids(file: KeyFile) -> str:
    return " and ".join(sorted({each.key_id for each in file.lost}))
