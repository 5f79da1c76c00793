"""Values that must never be shown in, texts with all of them masked out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final

from ci_bot.core.mask import Masker

#: Building a masker takes up to a tenth of a millisecond for each value and holds up everything else. So values
#: stand in groups, and a new one costs what the small groups hold: two of the same size become one.
GROUP: Final = 32
GROUPS: Final = 16  # full ones; older values are forgotten: minted tokens live an hour


class Known:
    """The newest values, and what masks them. Any thread may call any method.

    A value that is forgotten and used again is told again, and known from then on.
    """

    def __init__(self) -> None:
        #: The oldest first, and never a larger one after a smaller one.
        self._groups: tuple[_Group, ...] = ()
        self._lock = Lock()

    def add(self, value: bytes) -> None:
        with self._lock:
            if any(value in group.values for group in self._groups):
                return
            groups, newest = list(self._groups), _Group((value,))
            while groups and len(groups[-1].values) == len(newest.values) < GROUP:
                newest = _Group(groups.pop().values + newest.values)
            full = [group for group in groups if len(group.values) == GROUP]
            self._groups = (*groups[len(full) == GROUPS :], newest)

    def values(self) -> tuple[bytes, ...]:
        return tuple(value for group in self._groups for value in group.values)

    def mask(self, text: str) -> str:
        with self._lock:
            for group in self._groups:
                text = masked(text, group.masker)
            return text


@dataclass(frozen=True)
class _Group:
    values: tuple[bytes, ...]

    @cached_property
    def masker(self) -> Masker:
        return Masker(self.values)


def masked(text: str, masker: Masker) -> str:
    data = text.encode("utf-8", "surrogatepass")
    shown = masker.mask(data)
    return text if shown == data else shown.decode("utf-8", "replace")


def masker_of(values: Iterable[bytes]) -> Masker | None:
    """None where there is nothing to mask."""
    found = tuple(values)
    return Masker(found) if found else None
