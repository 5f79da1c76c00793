"""Collects what is wrong in a file and where; gives back `Problem`s sorted by position, at most 101."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from ci_bot.core.model import Problem
from ci_bot.core.pipeline.tree import Mark

MAX_PROBLEMS: Final = 100
MAX_QUOTED: Final = 60

#: A hint that costs time is a function, called only for the problems that are shown.
Hint: TypeAlias = str | Callable[[], str]

_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,63}")


class Report:
    """The problems of one file; order of `add` does not matter."""

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self._lines = _LINE_BREAK.split(text)
        self._found: list[tuple[Mark, str, str, Hint]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, mark: Mark, path: str, message: str, hint: Hint = "") -> None:
        self._found.append((self._within(mark), path, message, hint))

    def problems(self) -> tuple[Problem, ...]:
        found = sorted(self._found, key=lambda entry: entry[0])
        shown = [self._problem(*entry) for entry in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            last, more = found[MAX_PROBLEMS - 1][0], len(found) - MAX_PROBLEMS
            hint = "mend the ones above first"
            shown.append(self._problem(last, "", f"{more} more not shown", hint))
        return tuple(shown)

    def _problem(self, mark: Mark, path: str, message: str, hint: Hint) -> Problem:
        words = hint if isinstance(hint, str) else hint()
        return Problem(self.file, path, mark.line, mark.column, message, words)

    def _within(self, mark: Mark) -> Mark:
        """The scanner's end of file lies on a line of its own: point behind the last text instead."""
        if mark.line <= len(self._lines) and self._lines[mark.line - 1 :] != [""]:
            return mark
        line = next((n for n in range(len(self._lines), 1, -1) if self._lines[n - 1].strip()), 1)
        return Mark(line, len(self._lines[line - 1]) + 1)


def quoted(text: str) -> str:
    """Foreign text for a message: in double quotes, on one line, nothing invisible, cut."""
    shown = text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"
    visible = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
    return f'"{visible}"'


def child(path: str, key: str) -> str:
    """ "jobs" and "build" → "jobs.build"; keys that would not read well are quoted."""
    segment = key if _PLAIN_KEY.fullmatch(key) else quoted(key)
    return f"{path}.{segment}" if path else segment


def item(path: str, index: int) -> str:
    return f"{path}[{index}]"
