"""A matrix read from a job → its cells: their values, their ids and names, and each as a plain Job."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Self

from ci_bot.core.inputs import NAME, OPENING, PLACEHOLDER
from ci_bot.core.planned import Artifacts, Job, Service, Step

MAX_CELLS: Final = 256
MAX_SHOWN_NAME: Final = 200
MAX_LABEL: Final = 180  # with the 63 characters of a job's id in front it fits the 255 of a key

_REFERENCE: Final = re.compile(rf"\s*matrix\.({NAME.pattern})\s*")
#: What stands in an id as it is written. It can be typed in a comment, an address and a shell's quotes;
#: one colon is no emoji.
_PLAIN: Final = re.compile(r"(?=.{1,40}\Z)[A-Za-z0-9_.+-]+(?::[A-Za-z0-9_.+-]+)?")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.+-]+")
_HEX: Final = 12


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells` hold the values by name, those of the axes first. `NO_MATRIX` has none.

    `longest`: all that `${{ matrix.NAME }}` may name, and the most bytes that stand for it.
    """

    cells: tuple[Mapping[str, str], ...]
    longest: Mapping[str, int]

    @classmethod
    def of(cls, cells: Sequence[Mapping[str, str]]) -> Self:
        longest: dict[str, int] = {}
        for cell in cells:
            for name, value in cell.items():
                longest[name] = max(longest.get(name, 0), len(value.encode()))
        return cls(tuple(cells), longest)


NO_MATRIX: Final = Matrix((), {})


def matrix_value(inside: str) -> str | None:
    """The name in "matrix.NAME", the text between the braces; None for anything else."""
    found = _REFERENCE.fullmatch(inside)
    return found[1] if found else None


def label(cell: Mapping[str, str]) -> str:
    """The values of a cell as its id has them: "3.12,linux". What is long or could not be typed is cut
    and bears a hash, and only then an "=", so two cells of different values have different labels."""
    joined = ",".join(_labelled(value) for value in cell.values())
    return joined if len(joined) <= MAX_LABEL else _with_hash(joined[: MAX_LABEL - _HEX - 1], joined)


def cell_id(family: str, cell: Mapping[str, str]) -> str:
    """ "test(3.12,linux)": the same from run to run as long as the values are."""
    return f"{family}({label(cell)})"


def values_in_words(cell: Mapping[str, str]) -> str:
    """ "3.12, linux"."""
    return ", ".join(value or '""' for value in cell.values())


def filled_in(text: str, cell: Mapping[str, str]) -> str:
    """The text with every `${{ matrix.NAME }}` replaced; "" stands for what this cell does not have."""
    if OPENING not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name = matrix_value(found[1])
        return found[0] if name is None else cell.get(name, "")

    return PLACEHOLDER.sub(value, text)


def growth(text: str, matrix: Matrix | None) -> int:
    """By how many bytes at most the text becomes longer in a cell."""
    if matrix is None or OPENING not in text:
        return 0
    longer = 0
    for found in PLACEHOLDER.finditer(text):
        name = matrix_value(found[1])
        if name is not None and name in matrix.longest:
            longer += matrix.longest[name] - len(found[0])
    return max(0, longer)


def cells_of(job: Job, matrix: Matrix) -> tuple[Job, ...]:
    """The job once for each cell."""
    return tuple(_cell(job, cell) for cell in matrix.cells)


def _cell(job: Job, cell: Mapping[str, str]) -> Job:
    is_said = OPENING in job.name
    name = job.name if is_said else f"{job.name} ({values_in_words(cell)})"
    made = replaced(replace(job, name=name), cell)
    return replace(made, id=cell_id(job.id, cell), group=job.id, matrix=cell, name=_cut(made.name))


def replaced(job: Job, values: Mapping[str, str]) -> Job:
    """The plain job with its matrix's values wherever `${{ matrix.NAME }}` may stand."""
    return replace(
        job,
        name=filled_in(job.name, values),
        steps=tuple(_step(step, values) for step in job.steps),
        services=tuple(_service(service, values) for service in job.services),
        artifacts=job.artifacts and _artifacts(job.artifacts, values),
    )


def _step(step: Step, values: Mapping[str, str]) -> Step:
    """Shared by all cells where nothing is to be replaced: then many cells cost one step."""
    texts = (step.name, step.run, step.image, *step.env.values(), *(step.args or ()))
    if not any(OPENING in text for text in texts):
        return step
    return replace(
        step,
        name=_cut(filled_in(step.name, values)),
        run=filled_in(step.run, values),
        image=filled_in(step.image, values),
        env=_env(step.env, values),
        args=None if step.args is None else tuple(filled_in(each, values) for each in step.args),
    )


def _service(service: Service, values: Mapping[str, str]) -> Service:
    image, env = filled_in(service.image, values), _env(service.env, values)
    return replace(service, image=image, env=env, ready=filled_in(service.ready, values))


def _artifacts(artifacts: Artifacts, values: Mapping[str, str]) -> Artifacts:
    return replace(
        artifacts,
        paths=tuple(filled_in(path, values) for path in artifacts.paths),
        junit=tuple(filled_in(path, values) for path in artifacts.junit),
        coverage=tuple(filled_in(path, values) for path in artifacts.coverage),
    )


def _env(env: Mapping[str, str], values: Mapping[str, str]) -> Mapping[str, str]:
    if not any(OPENING in text for text in env.values()):
        return env
    return {name: filled_in(text, values) for name, text in env.items()}


def _labelled(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return _with_hash(_UNSAFE.sub("-", value)[:24].strip("-"), value)


def _with_hash(shown: str, whole: str) -> str:
    return f"{shown}={sha256(whole.encode()).hexdigest()[:_HEX]}"


def _cut(name: str) -> str:
    return name if len(name) <= MAX_SHOWN_NAME else name[: MAX_SHOWN_NAME - 1] + "…"
