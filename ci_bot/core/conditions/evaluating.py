"""A condition and what is known → whether it holds, or in words why that cannot be said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ci_bot.core.conditions.language import CHANGES, FACTS, evaluated
from ci_bot.core.conditions.reading import Reads, reads
from ci_bot.core.occasion import Facts

#: What evaluating costs grows with these; forges allow less.
MAX_TEXT: Final = 1000
MOST_LABELS: Final = 100


@dataclass(frozen=True, slots=True)
class Before:
    """How what came before went: the jobs that this one needs, or the steps before this one.

    `results` are those of needs, by id: success, failure, cancelled or skipped.
    """

    results: Mapping[str, str] = field(default_factory=dict)
    succeeded: bool = True
    failed: bool = False
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """Everything that a condition can read."""

    facts: Facts
    matrix: Mapping[str, str] = field(default_factory=dict)
    before: Before = field(default_factory=Before)
    changed: int | None = None  # how many files the event changes; None: nobody counted


@dataclass(frozen=True, slots=True)
class Answer:
    """`error` says why there is none; then nothing holds."""

    holds: bool
    error: str = ""


def evaluate(text: str, values: Values) -> Answer:
    """Of a condition that was checked. Total: never raises."""
    try:
        asked = reads(text)
        found = evaluated(text, _data(asked, values), _answers(values))
        value = found.value()
    except Exception as error:  # noqa: BLE001 - the library's errors have no type of their own
        return Answer(False, _first_line(str(error)))
    if isinstance(value, bool):
        return Answer(value)
    return Answer(False, _first_line(str(value)))


def fact(name: str, facts: Facts) -> Any:
    """The value of one of `FACTS` as conditions see it."""
    value = getattr(facts, name)
    if isinstance(value, str):
        return _text(value)
    return [_text(label) for label in value[:MOST_LABELS]] if isinstance(value, tuple) else value


def _data(asked: Reads, values: Values) -> dict[str, Any]:
    results = values.before.results
    return {
        **{name: fact(name, values.facts) for name in FACTS},
        "matrix": _texts(asked.axes, values.matrix),
        "inputs": _texts(asked.inputs, values.facts.inputs),
        "needs": {name: {"result": results.get(name, "")} for name in asked.needs},
    }


def _texts(names: Collection[str], of: Mapping[str, str]) -> dict[str, str]:
    """What a cell of a matrix, or whoever started the run, does not say is ""."""
    return {name: _text(of.get(name, "")) for name in names}


def _answers(values: Values) -> Mapping[str, Any]:
    before, changes = values.before, values.facts.changes
    return {
        "success": lambda: before.succeeded,
        "failure": lambda: before.failed,
        "cancelled": lambda: before.cancelled,
        "always": lambda: True,
        CHANGES: lambda pattern: changes.get(pattern, True),
    }


def _text(text: str) -> str:
    """Bounded, and Unicode: half a surrogate pair can stand in JSON."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()


def _first_line(said: str) -> str:
    """ "INVALID_ARGUMENT: divide by zero" → "divide by zero"."""
    line = said.split("\n", 1)[0].split(" [", maxsplit=1)[0]
    status, colon, rest = line.partition(": ")
    return (rest if colon and status.isupper() else line) or "it has no value"
