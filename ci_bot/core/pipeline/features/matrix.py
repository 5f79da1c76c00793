"""`matrix`, `fail-fast`, `max-parallel`: one job for each combination of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Final

from ci_bot.core.inputs import MAX_INPUT, NAME, OPENING, is_value
from ci_bot.core.pipeline.cells import MAX_CELLS, Matrix, label, values_in_words
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import number_schema
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import whole_number
from ci_bot.core.pipeline.value import Value, flag, items, pairs, text
from ci_bot.core.planned import Job
from ci_bot.core.suggest import did_you_mean

INCLUDE: Final = "include"
EXCLUDE: Final = "exclude"
MOST_COMBINATIONS: Final = 4 * MAX_CELLS  # before `exclude`: every one of them is made

_NAME_HINT: Final = "up to 63 letters, digits, _ and -; a letter or _ first"
_AXIS_HINT: Final = "write an axis and its values, like python: ['3.12', '3.13']"
_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_ENTRIES: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": _SCALAR,
    },
}

_EXAMPLE: Final = """\
jobs:
  test:
    name: "Test on ${{ matrix.os }}, level ${{ matrix.level }}"
    matrix:
      os: [debian, alpine]
      level: [1, 2]
      exclude:
        - {os: alpine, level: 2}
      include:
        - {os: debian, level: 2, flags: --strict}
        - {os: fedora, level: 1}
    env: {FLAGS: "${{ matrix.flags }}"}
    steps:
      - echo "${{ matrix.os }} ${{ matrix.level }} $FLAGS $CI_MATRIX"
  report:
    needs: test
    steps:
      - echo every cell passed
"""

_FAIL_FAST: Final = """\
jobs:
  test:
    matrix: {part: [1, 2, 3]}
    fail-fast: true
    steps:
      - echo "part ${{ matrix.part }}"
"""

_MAX_PARALLEL: Final = """\
jobs:
  migrate:
    matrix: {region: [eu, us, asia]}
    max-parallel: 1
    steps:
      - echo "one after the other ${{ matrix.region }}"
"""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One map of `include` or `exclude`."""

    values: Mapping[str, str]
    at: Value


def _matrix(value: Value) -> Matrix | None:
    """None where anything of it is wrong: then nobody knows the cells."""
    found = pairs(value)
    if found is None:
        return None
    before = len(value.scope.report)
    axes = {name: _axis(name, entry) for name, entry in found if name not in (INCLUDE, EXCLUDE)}
    lists = dict(found)
    excluded = _entries(lists[EXCLUDE]) if EXCLUDE in lists else []
    included = _entries(lists[INCLUDE]) if INCLUDE in lists else []
    _check_excluded(excluded, tuple(axes))
    if len(value.scope.report) > before or not _is_bounded(value, axes):
        return None
    cells = _combined(axes, excluded)
    cells = _with_included(cells, tuple(axes), included)
    _check_cells(value, cells)
    return None if len(value.scope.report) > before else Matrix.of(cells)


def _axis(name: str, entry: Value) -> tuple[str, ...]:
    _check_name(name, entry)
    listed = items(entry)
    if listed is None:
        return ()
    if not listed:
        entry.wrong(f"the axis {quoted(name)} is empty, so there would be no cell", _AXIS_HINT)
    values: list[str] = []
    for each in listed:
        value = _scalar(each)
        if value is not None and value in values:
            each.wrong(f"{quoted(value)} stands twice in this axis", "name it once")
        elif value is not None:
            values.append(value)
    return tuple(values)


def _check_name(name: str, entry: Value) -> None:
    if name in (INCLUDE, EXCLUDE):
        entry.wrong_key(f"{quoted(name)} is reserved", "give the value another name")
    elif not NAME.fullmatch(name):
        entry.wrong_key(f"{quoted(name)} cannot be the name of a value", _NAME_HINT)


def _scalar(entry: Value) -> str | None:
    written = text(entry)
    if written is None:
        return None
    if OPENING in written:
        entry.wrong("nothing is replaced in a value of a matrix", "write the value itself")
        return None
    if not is_value(written):
        entry.wrong(f"a value is one line of at most {MAX_INPUT} bytes, all of it visible")
        return None
    return written


def _entries(value: Value) -> list[_Entry]:
    listed = items(value) or []
    if len(listed) > MAX_CELLS:
        value.wrong_key(f"{len(listed)} entries; there are at most {MAX_CELLS}")
    entries = []
    for each in listed[:MAX_CELLS]:
        found = pairs(each)
        if found == []:
            each.wrong("names no value", "name at least one, like {os: linux}")
        elif found is not None:
            entries.append(_Entry(_values(found), each))
    return entries


def _values(found: Sequence[tuple[str, Value]]) -> Mapping[str, str]:
    values = {}
    for name, entry in found:
        _check_name(name, entry)
        value = _scalar(entry)
        if value is not None:
            values[name] = value
    return values


def _check_excluded(excluded: Sequence[_Entry], axes: Sequence[str]) -> None:
    for entry in excluded:
        for name, at in pairs(entry.at) or []:
            if name not in axes:
                hint = did_you_mean(name, axes) or f"the axes: {', '.join(axes) or 'none'}"
                at.wrong_key(f"there is no axis {quoted(name)}", hint)


def _is_bounded(value: Value, axes: Mapping[str, Sequence[str]]) -> bool:
    sizes = [len(values) for values in axes.values()]
    combinations = prod(sizes)
    if combinations <= MOST_COMBINATIONS:
        return True
    shown = " x ".join(map(str, sizes[:8])) + (" x …" if len(sizes) > 8 else "")
    message = f"{shown} are too many combinations; a matrix has at most {MAX_CELLS} cells"
    value.wrong_key(message, "take values or an axis away")
    return False


def _combined(
    axes: Mapping[str, Sequence[str]], excluded: Sequence[_Entry]
) -> tuple[Mapping[str, str], ...]:
    """Every combination of the axes, less what an entry of `exclude` agrees with."""
    if not axes:
        return ()
    cells = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    gone: set[int] = set()
    for entry in excluded:
        hit = {index for index, cell in enumerate(cells) if entry.values.items() <= cell.items()}
        if not hit:
            entry.at.wrong("takes nothing away: no cell has these values", "correct or remove it")
        gone |= hit
    return tuple(cell for index, cell in enumerate(cells) if index not in gone)


def _with_included(
    cells: Sequence[Mapping[str, str]], axes: Sequence[str], included: Sequence[_Entry]
) -> tuple[Mapping[str, str], ...]:
    """An entry extends the combinations that agree with it in all axes that it names; else it is a cell
    of its own."""
    combined, added = [dict(cell) for cell in cells], []
    for entry in included:
        on_axes = {name: entry.values[name] for name in axes if name in entry.values}
        hit = [cell for cell in combined if axes and on_axes.items() <= cell.items()]
        for cell in hit:
            cell.update(entry.values)
        if not hit:
            added.append(_own_cell(entry, axes))
        elif on_axes == dict(entry.values):
            entry.at.wrong("is a cell already, and adds no value to it", "remove it")
    return (*combined, *added)


def _own_cell(entry: _Entry, axes: Sequence[str]) -> Mapping[str, str]:
    missing = [name for name in axes if name not in entry.values]
    if missing:
        entry.at.wrong(
            f"agrees with no cell, and as a cell of its own it lacks {quoted(missing[0])}",
            "name a value for every axis",
        )
    first = {name: entry.values[name] for name in axes if name in entry.values}
    return {**first, **entry.values}


def _check_cells(value: Value, cells: Sequence[Mapping[str, str]]) -> None:
    if not cells:
        value.wrong_key("no cell is left, so this job would never run", _AXIS_HINT)
    if len(cells) > MAX_CELLS:
        message = f"{len(cells)} cells; a matrix has at most {MAX_CELLS}"
        value.wrong_key(message, "take values or an axis away")
    for cell in _twice(cells):
        message = f"two cells have the values {quoted(values_in_words(cell))}"
        value.wrong_key(message, "let them differ in a value")


def _twice(cells: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    seen: set[str] = set()
    for cell in cells:
        if label(cell) in seen:
            yield cell
        seen.add(label(cell))


def _check(value: Value, said: Said) -> None:
    found = dict(pairs(value) or [])
    if "matrix" in found:
        return
    for name in ("fail-fast", "max-parallel"):
        if name in said:
            found[name].wrong_key("there is no matrix in this job", "add one, or remove it")


def _lower(job: Job, said: Said) -> Job:
    """Its cells are made when all other features are lowered: see `spread`."""
    return replace(
        job, fail_fast=said.get("fail-fast", False), max_parallel=said.get("max-parallel", 0)
    )


def _max_parallel(value: Value) -> int | None:
    return whole_number(value, 1, MAX_CELLS)


MATRIX: Final = JobFeature(
    keys=(
        Key(
            name="matrix",
            read=_matrix,
            schema={
                "type": "object",
                "minProperties": 1,
                "properties": {INCLUDE: _ENTRIES, EXCLUDE: _ENTRIES},
                "propertyNames": {"pattern": f"^{NAME.pattern}$"},
                "additionalProperties": {
                    "type": "array",
                    "items": _SCALAR,
                    "minItems": 1,
                    "uniqueItems": True,
                },
            },
            about=(
                f"Axes, each a name and a list of values: the job runs once for each combination, at most {MAX_CELLS} "
                "times. `${{ matrix.NAME }}` is replaced in `name`, `image`, `env`, `run`, `args`, `services` and "
                "`artifacts`; steps find all values of their cell in `CI_MATRIX` as JSON. "
                "An entry of `exclude` takes away every combination that agrees with all that it names. After that, an "
                "entry of `include` adds its other values to each combination that agrees with it in all axes that it "
                "names (to all, if it names none); if none agrees, it is a cell of its own, and names every axis. A value "
                "that a cell does not have is empty. A cell is called by its values: `test(3.12,linux)` in commands, "
                "`test (3.12, linux)` in reports; a job that needs `test` waits for all of its cells."
            ),
            example=_EXAMPLE,
        ),
        Key(
            name="fail-fast",
            read=flag,
            schema={"type": "boolean", "default": False},
            about="`true`: the first cell of the matrix that fails ends the others. Those say which one it was.",
            example=_FAIL_FAST,
        ),
        Key(
            name="max-parallel",
            read=_max_parallel,
            schema=number_schema(1, MAX_CELLS),
            about="How many cells of the matrix run at the same time; default: as many as there is room for.",
            example=_MAX_PARALLEL,
        ),
    ),
    lower=_lower,
    check=_check,
)
