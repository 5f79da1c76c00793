"""Conditions that may take long are answered by a process with a deadline, as long as this is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ci_bot.core.conditions import answered_by
from ci_bot.evaluation import Apart


@contextmanager
def conditions_apart() -> Iterator[None]:
    """Started with the first condition that needs it: few do, and starting takes a quarter of a second."""
    apart = Apart()
    try:
        with answered_by(apart):
            yield
    finally:
        apart.close()
