"""Values that must never be shown in, texts with all of them masked out."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Final

from ci_bot.core.mask import Masker

#: Building a masker takes a fifth of a millisecond for each value and holds up everything else, so a
#: new value costs one of a few values, and not one of all.
GROUP: Final = 32
GROUPS: Final = 16  # older values are forgotten: minted tokens live an hour


class Known:
    """The newest values, and what masks them. Any thread may call any method.

    A value that is forgotten and used again is told again, and known from then on.
    """

    def __init__(self) -> None:
        self._groups: list[dict[bytes, None]] = [{}]
        self._maskers: list[Masker | None] = [None]
        self._lock = Lock()

    def add(self, value: bytes) -> None:
        with self._lock:
            if any(value in group for group in self._groups):
                return
            if len(self._groups[-1]) == GROUP:
                self._groups, self._maskers = self._groups[1 - GROUPS :], self._maskers[1 - GROUPS :]
                self._groups.append({})
                self._maskers.append(None)
            self._groups[-1][value] = None
            self._maskers[-1] = None

    def values(self) -> tuple[bytes, ...]:
        with self._lock:
            return tuple(value for group in self._groups for value in group)

    def mask(self, text: str) -> str:
        with self._lock:
            for index, group in enumerate(self._groups):
                masker = self._maskers[index] or Masker(group)
                self._maskers[index] = masker
                text = masked(text, masker)
            return text


def masked(text: str, masker: Masker) -> str:
    data = text.encode("utf-8", "surrogatepass")
    shown = masker.mask(data)
    return text if shown == data else shown.decode("utf-8", "replace")


def masker_of(values: Iterable[bytes]) -> Masker | None:
    """None where there is nothing to mask."""
    found = tuple(values)
    return Masker(found) if found else None
