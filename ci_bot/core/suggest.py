"""A word that is not known and the words that are → "did you mean …?", in bounded time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

#: Longer words get no suggestion: comparing costs five times their length per known word.
MAX_WORD: Final = 32
#: Known words that have the right letters are compared letter by letter, up to this many.
MAX_COMPARED: Final = 32


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint, or "" where nothing is close."""
    best = closest(word, known)
    return f'did you mean "{best}"?' if best else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word at most two slips away (fewer for short words), the first of the nearest."""
    plain = _plain(word)
    if not 0 < len(plain) <= MAX_WORD:
        return None
    allowed = 2 if len(plain) > 5 else 1 if len(plain) > 2 else 0
    best: str | None = None
    for candidate in islice(_alike(plain, known, allowed), MAX_COMPARED):
        slips = _slips(plain, _plain(candidate), allowed)
        if slips <= allowed:
            best, allowed = candidate, slips - 1
        if allowed < 0:
            break
    return best


def _alike(plain: str, known: Iterable[str], most: int) -> Iterator[str]:
    """Those whose length and letters do not rule them out: a slip changes one letter for another."""
    letters = set(plain)
    for candidate in known:
        other = _plain(candidate)
        if (
            candidate.isprintable()  # it may be a name in a file as well, and is shown
            and abs(len(other) - len(plain)) <= most
            and len(letters.symmetric_difference(other)) <= 2 * most
        ):
            yield candidate


def _plain(word: str) -> str:
    return word.strip().casefold().replace("_", "-") if len(word) <= 2 * MAX_WORD else word


def _slips(a: str, b: str, most: int) -> int:
    """Letters to change, add, drop or swap with their neighbour; anything over `most` is `most + 1`."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i] + [most + 1] * len(b)
        for j in range(max(1, i - most), min(len(b), i + most) + 1):
            y = b[j - 1]
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                row[j] = min(row[j], older[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]
