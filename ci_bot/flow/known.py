"""Values that must never be shown in, texts with all of them masked out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Final

from ci_bot.core.mask import Masker

REMEMBERED: Final = 512  # values; minted tokens live an hour, and need not be known for ever


class Known:
    """The newest values, and one masker for all of them. Any thread may call any method."""

    def __init__(self) -> None:
        self._values: OrderedDict[bytes, None] = OrderedDict()
        self._masker: Masker | None = None
        self._lock = Lock()

    def add(self, value: bytes) -> None:
        with self._lock:
            if value not in self._values:
                self._masker = None
            self._values[value] = None
            self._values.move_to_end(value)
            while len(self._values) > REMEMBERED:
                self._values.popitem(last=False)

    def values(self) -> tuple[bytes, ...]:
        with self._lock:
            return tuple(self._values)

    def mask(self, text: str) -> str:
        with self._lock:
            if self._masker is None:
                self._masker = Masker(self._values)
            return masked(text, self._masker)


def masked(text: str, masker: Masker) -> str:
    data = text.encode("utf-8", "surrogatepass")
    shown = masker.mask(data)
    return text if shown == data else shown.decode("utf-8", "replace")


def masker_of(values: Iterable[bytes]) -> Masker | None:
    """None where there is nothing to mask."""
    found = tuple(values)
    return Masker(found) if found else None
