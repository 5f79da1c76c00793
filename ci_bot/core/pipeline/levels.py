"""Every key that works, level by level and in the order in which they are told: of the basics and the features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ci_bot.core.pipeline import basics, keys
from ci_bot.core.pipeline.features import JOB_FEATURES, STEP_FEATURES, Key
from ci_bot.core.pipeline.filters import FILTERS
from ci_bot.core.pipeline.schedules import KEYS as SCHEDULES


@dataclass(frozen=True, slots=True)
class Level:
    name: str  # file, job, step, or an event
    names: keys.Keys
    keys: tuple[Key, ...]


#: A key that is not named here comes last.
_TOP_ORDER: Final = ("version", "name", "on", "image", "env", "jobs", "concurrency", "include")
_JOB_ORDER: Final = (
    *("name", "image", "needs", "if", "matrix", "fail-fast", "max-parallel", "env", "secrets"),
    *("services", "checkout", "docker", "steps", "timeout", "retry", "allow-failure", "resources"),
    *("artifacts", "cache", "concurrency", "isolation", "environment"),
)
_STEP_ORDER: Final = (
    *("name", "run", "args", "image", "env", "secrets", "timeout", "workdir", "shell"),
    *("if", "continue-on-error"),
)


def _ordered(order: tuple[str, ...], found: Iterable[Key]) -> tuple[Key, ...]:
    def place(key: Key) -> int:
        return order.index(key.name) if key.name in order else len(order)

    return tuple(sorted(found, key=place))


LEVELS: Final = (
    Level(
        "file",
        keys.TOP,
        _ordered(_TOP_ORDER, basics.TOP_KEYS),
    ),
    Level(
        "job",
        keys.JOB,
        _ordered(_JOB_ORDER, (*basics.JOB_KEYS, *(k for f in JOB_FEATURES for k in f.keys))),
    ),
    Level(
        "step",
        keys.STEP,
        _ordered(_STEP_ORDER, (*basics.STEP_KEYS, *(k for f in STEP_FEATURES for k in f.keys))),
    ),
)

#: What may stand under an event of `on`.
EVENT_LEVELS: Final = (
    *(Level(event, keys.EVENT_KEYS[event], filters) for event, filters in FILTERS.items() if filters),
    Level("schedule", keys.SCHEDULE, SCHEDULES),
)
