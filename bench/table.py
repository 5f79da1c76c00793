"""What a benchmark measured in; a short table on standard output and an exit code out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass


class CannotMeasure(Exception):
    """Something that the benchmark needs is not there, or did not behave; the text says what."""


@dataclass(frozen=True, slots=True)
class Target:
    """A promise about one figure: at most `limit`, or at least."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "met" if self.is_met else "MISSED"
        return f"{verdict}: {self.what} {figure(self.value)} {self.unit} (target {sign} {figure(self.limit)})"


@dataclass(frozen=True, slots=True)
class Result:
    """One table, with what has to hold and what a reader should know."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()


Measure = Callable[[], Result]


def report(measure: Measure) -> int:
    """Measures and prints; 0 if every target was met."""
    before = _load()
    try:
        result = measure()
    except CannotMeasure as error:
        print(f"cannot measure: {error}")
        return 1
    print(f"\n{result.title}  (load {before} before, {_load()} after, {os.cpu_count()} CPUs)")
    _print_rows((result.columns, *result.rows))
    for line in (*result.notes, *map(str, result.targets)):
        print(f"  {line}")
    return 0 if all(target.is_met for target in result.targets) else 1


def figure(value: float) -> str:
    """Three digits that mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ms(seconds: float) -> str:
    return figure(seconds * 1000)


def times(value: float) -> str:
    """How many times the baseline that is."""
    return f"{figure(value)} x"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _print_rows(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  " + "  ".join([first.ljust(widths[0]), *cells]))


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"
