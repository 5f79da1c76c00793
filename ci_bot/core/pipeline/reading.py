"""The bytes of `.ci.yaml` → a Reading: a pipeline, or everything that is wrong with the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ci_bot.core.model import Problem
from ci_bot.core.pipeline.compose import compose
from ci_bot.core.pipeline.decode import decode, too_large
from ci_bot.core.pipeline.limits import DEFAULT_LIMITS, Limits
from ci_bot.core.pipeline.report import Report
from ci_bot.core.pipeline.spread import check_size, spread
from ci_bot.core.pipeline.top import JOBS_HINT, read_file
from ci_bot.core.pipeline.tree import START, Broken, Node, Pairs, Scalar, kind
from ci_bot.core.pipeline.value import Scope, Value
from ci_bot.core.planned import Pipeline

#: The names under which a repository may keep its pipeline, the first one that exists counts.
CONFIG_FILES: Final = (".ci.yaml", ".ci.yml")


@dataclass(frozen=True, slots=True)
class Reading:
    """Exactly one of the two: a pipeline, or problems sorted by their place in the file."""

    pipeline: Pipeline | None
    problems: tuple[Problem, ...]


def read(
    text: bytes, *, file: str = CONFIG_FILES[0], default_image: str, limits: Limits = DEFAULT_LIMITS
) -> Reading:
    """Reads and checks a whole file. Total: whatever the bytes are, it returns, soon, and never raises.

    `file` is the name that problems bear. Takes up to a second of CPU for the worst files: call it
    off the event loop.
    """
    decoded, report = decode(text, file, limits)
    root = None if len(report) else compose(decoded, limits, report)
    pipeline = _pipeline(root, file, default_image, Scope(report, limits))
    return Reading(pipeline, report.problems())


def refuse(length: int, file: str, limits: Limits) -> Reading:
    """What `read` says of a file of so many bytes that nobody brings it."""
    return Reading(None, too_large(length, file, limits).problems())


def _pipeline(root: Node | None, file: str, default_image: str, scope: Scope) -> Pipeline | None:
    if root is None or (isinstance(root, Scalar) and root.is_null):
        _report_empty(scope.report)
        return None
    if not isinstance(root, Pairs | Broken):
        scope.report.add(
            root.mark, "", f'the file must be a map with "jobs", not {kind(root)}', JOBS_HINT
        )
        return None
    draft = read_file(Value(root, "", START, scope))
    if draft and not len(scope.report):
        check_size(draft, scope.limits, scope.report)
    if draft is None or len(scope.report):
        return None
    return Pipeline(
        name=draft.name,
        on=draft.on,
        jobs=spread(draft, default_image),
        file=file,
        inputs=draft.inputs,
        schedules=draft.schedules,
    )


def _report_empty(report: Report) -> None:
    if not len(report):
        report.add(START, "", "the file says nothing", JOBS_HINT)
