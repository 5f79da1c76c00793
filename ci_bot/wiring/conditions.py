"""Conditions that may take long are answered by a process with a deadline, as long as this is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ci_bot.core.conditions import answered_by
from ci_bot.evaluation import Apart


@contextmanager
def conditions_apart(*, at_once: bool = False) -> Iterator[None]:
    """`at_once`: the process is started now, and not with the first condition that needs it."""
    apart = Apart()
    try:
        if at_once:
            apart.start()
        with answered_by(apart):
            yield
    finally:
        apart.close()
