"""Globs over the files of a workspace: what is wrong with one, and, name by name, what they match. Pure.

`*` is anything in one name, `?` one character, `**` any number of folders. A folder that is matched brings
all that is in it. A glob that begins with `!` takes away. The top folder's `.git` is never matched.

A walk steps from a folder's `Spot` to that of each entry, so that no folder is opened in which nothing can
match, and no pattern is ever tried against a whole path: each name costs its length times the globs'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

MOST_STARS: Final = 4  # in one segment
MOST_SEGMENTS: Final = 40
MOST_LENGTH: Final = 255
NEVER: Final = ".git"

_ANY_FOLDERS: Final = "**"

#: Where a walk stands: which globs are matched up to which segment. A glob that is matched whole stays so.
Spot: TypeAlias = frozenset[tuple[int, int]]


def wrong_glob(glob: str) -> str:
    """What is wrong with it, "" if nothing."""
    path = glob.removeprefix("!")
    if not path:
        return "is empty"
    if not path.isprintable():
        return "has an invisible character"
    return _leaves(path) or _is_too_much(path, _segments(path))


def _leaves(path: str) -> str:
    if path.startswith(("/", "~")):
        return "is not inside the workspace; write it relative to that, like dist/**"
    return 'leaves the workspace by ".."; name files inside it' if ".." in path.split("/") else ""


def _is_too_much(path: str, segments: Sequence[str]) -> str:
    if not segments:
        return "names no file; write ** for the whole workspace"
    if len(path) > MOST_LENGTH:
        return f"is longer than {MOST_LENGTH} characters"
    if len(segments) > MOST_SEGMENTS:
        return f"has more than {MOST_SEGMENTS} segments"
    if any(segment.count("*") > MOST_STARS for segment in segments):
        return f'has more than {MOST_STARS} stars between two "/"'
    return ""


@dataclass(frozen=True, slots=True)
class Globs:
    """Made by `of`: the segments of each glob, those that take away behind `wanted` of them."""

    globs: tuple[tuple[str, ...], ...]
    wanted: int

    @classmethod
    def of(cls, globs: Iterable[str]) -> Self:
        """What `wrong_glob` complains about matches nothing."""
        good = [glob for glob in globs if not wrong_glob(glob)]
        wanted = [_segments(glob) for glob in good if not glob.startswith("!")]
        unwanted = [_segments(glob[1:]) for glob in good if glob.startswith("!")]
        return cls((*wanted, *unwanted), len(wanted))

    def top(self) -> Spot:
        return frozenset(spot for number in range(len(self.globs)) for spot in self._from(number, 0))

    def below(self, spot: Spot, name: str) -> Spot:
        """The spot of an entry of the folder at `spot`."""
        return frozenset(after for number, at in spot for after in self._after(number, at, name))

    def leads_on(self, spot: Spot) -> bool:
        """Whether anything in a folder at this spot can be matched."""
        return any(number < self.wanted for number, _ in spot) and not self._is_taken_away(spot)

    def has(self, spot: Spot) -> bool:
        """Whether what is at this spot is matched."""
        is_wanted = any(number < self.wanted and at == len(self.globs[number]) for number, at in spot)
        return is_wanted and not self._is_taken_away(spot)

    def match(self, path: str) -> bool:
        """A whole path, "dist/app.js"."""
        first, *_ = names = path.split("/")
        spot = self.top()
        for name in names:
            spot = self.below(spot, name)
        return first != NEVER and self.has(spot)

    def roots(self) -> Sequence[str]:
        """The entries of the top folder in which everything is that can match; ("",) for all of them."""
        firsts = dict.fromkeys(segments[0] for segments in self.globs[: self.wanted])
        if any("*" in first or "?" in first for first in firsts):
            return ("",)
        return tuple(first for first in firsts if first != NEVER)

    def _after(self, number: int, at: int, name: str) -> Spot:
        segments = self.globs[number]
        if at == len(segments):
            return frozenset({(number, at)})
        if segments[at] == _ANY_FOLDERS:
            return self._from(number, at)
        return self._from(number, at + 1) if _is_like(name, segments[at]) else frozenset()

    def _from(self, number: int, at: int) -> Spot:
        """`**` may be no folder at all."""
        segments, spots = self.globs[number], {(number, at)}
        while at < len(segments) and segments[at] == _ANY_FOLDERS:
            at += 1
            spots.add((number, at))
        return frozenset(spots)

    def _is_taken_away(self, spot: Spot) -> bool:
        return any(number >= self.wanted and at == len(self.globs[number]) for number, at in spot)


def _segments(glob: str) -> tuple[str, ...]:
    """`a/**` is what is in `a`, and not `a` itself: the same as `a/*`, which brings folders whole."""
    parts = [part for part in glob.split("/") if part not in ("", ".")]
    while parts[-2:] == [_ANY_FOLDERS, _ANY_FOLDERS]:
        parts.pop()
    if parts and parts[-1] == _ANY_FOLDERS:
        parts[-1] = "*"
    return tuple(parts)


def _is_like(name: str, pattern: str) -> bool:
    """Goes back to the last star alone, which is enough: earlier ones have taken as little as they can."""
    at = after = 0
    star = resume = -1
    while at < len(name):
        if after < len(pattern) and pattern[after] == "*":
            star, resume = after, at
            after += 1
        elif after < len(pattern) and pattern[after] in ("?", name[at]):
            at, after = at + 1, after + 1
        elif star >= 0:
            resume += 1
            at, after = resume, star + 1
        else:
            return False
    return not pattern[after:].strip("*")
