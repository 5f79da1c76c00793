"""A condition and what is known → whether it holds, or in words why that cannot be said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from ci_bot.core.conditions.language import CHANGES, STATUS, evaluated
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


@dataclass(frozen=True, slots=True)
class Question:
    """A condition with the values of all that it reads, as plain data: what a process can tell another."""

    text: str
    variables: Mapping[str, Any]
    status: Mapping[str, bool]  # what `success()` and its like answer
    changes: Mapping[str, bool]  # what `changes()` answers, by pattern


#: Whoever answers what may take long, each question with one answer; see `answered_by`.
Evaluator: TypeAlias = Callable[[Sequence[Question]], Sequence[Answer]]


def evaluate(text: str, values: Values) -> Answer:
    """Of a condition that was checked. Total: never raises."""
    try:
        asked = reads(text)
    except Exception as error:  # noqa: BLE001 - the library's errors have no type of their own
        return Answer(False, _first_line(str(error)))
    question = _question(text, asked, values)
    return _evaluators[-1]([question])[0] if asked.may_take_long else answer(question)


def evaluate_ahead(asked: Iterable[tuple[str, Values]]) -> None:
    """Says what will be evaluated, so that whoever answers it far away is asked once for all of it."""
    questions = [
        _question(text, reads(text), values) for text, values in asked if reads(text).may_take_long
    ]
    _evaluators[-1](questions)


def _question(text: str, asked: Reads, values: Values) -> Question:
    return Question(text, _variables(asked, values), _status(values), _changes(asked, values))


def answer(question: Question) -> Answer:
    """Here and now, however long it takes. Total: never raises."""
    functions: dict[str, Callable[..., bool]] = {
        **{name: partial(question.status.__getitem__, name) for name in STATUS},
        CHANGES: lambda pattern: question.changes.get(pattern, True),
    }
    try:
        value = evaluated(question.text, question.variables, functions).value()
    except Exception as error:  # noqa: BLE001 - the library's errors have no type of their own
        return Answer(False, _first_line(str(error)))
    if isinstance(value, bool):
        return Answer(value)
    return Answer(False, _first_line(str(value)))


@contextmanager
def answered_by(evaluator: Evaluator) -> Iterator[None]:
    """Inside, conditions that go through lists or texts are answered by this one, in every thread.

    The answer is the same; but the library holds the interpreter while it evaluates, and cannot be
    interrupted. Somebody with a deadline can only stand outside of this process.
    """
    _evaluators.append(evaluator)
    try:
        yield
    finally:
        _evaluators.remove(evaluator)


def _in_place(questions: Sequence[Question]) -> list[Answer]:
    return [answer(question) for question in questions]


_evaluators: Final[list[Evaluator]] = [_in_place]


def fact(name: str, facts: Facts) -> Any:
    """The value of one of `FACTS` as conditions see it."""
    value = getattr(facts, name)
    if isinstance(value, str):
        return _text(value)
    return [_text(label) for label in value[:MOST_LABELS]] if isinstance(value, tuple) else value


def _variables(asked: Reads, values: Values) -> dict[str, Any]:
    results = values.before.results
    return {
        **{name: fact(name, values.facts) for name in asked.facts},
        "matrix": _texts(asked.axes, values.matrix),
        "inputs": _texts(asked.inputs, values.facts.inputs),
        "needs": {name: {"result": results.get(name, "")} for name in sorted(asked.needs)},
    }


def _texts(names: Collection[str], of: Mapping[str, str]) -> dict[str, str]:
    """What a cell of a matrix, or whoever started the run, does not say is ""."""
    return {name: _text(of.get(name, "")) for name in sorted(names)}


def _status(values: Values) -> dict[str, bool]:
    before = values.before
    said = (before.succeeded, before.failed, before.cancelled, True)
    return dict(zip(STATUS, said, strict=True))


def _changes(asked: Reads, values: Values) -> dict[str, bool]:
    return {pattern: values.facts.changes.get(pattern, True) for pattern in asked.patterns}


def _text(text: str) -> str:
    """Bounded, and Unicode: half a surrogate pair can stand in JSON."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()


def _first_line(said: str) -> str:
    """ "INVALID_ARGUMENT: divide by zero" → "divide by zero"."""
    line = said.split("\n", 1)[0].split(" [", maxsplit=1)[0]
    status, colon, rest = line.partition(": ")
    return (rest if colon and status.isupper() else line) or "it has no value"
