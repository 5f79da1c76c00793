"""The bytes of `.ci.yaml` and of what it includes → a Reading: a pipeline, or everything that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ci_bot.core.model import Problem
from ci_bot.core.pipeline.decode import too_large
from ci_bot.core.pipeline.including import Absent, Brought, Files
from ci_bot.core.pipeline.limits import DEFAULT_LIMITS, Limits
from ci_bot.core.pipeline.spread import check_size, spread
from ci_bot.core.planned import Pipeline

#: The names under which a repository may keep its pipeline, the first one that exists counts.
CONFIG_FILES: Final = (".ci.yaml", ".ci.yml")

_NOTHING: Final[Mapping[str, bytes | Absent]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reading:
    """Exactly one of the two: a pipeline, or problems sorted by file and place.

    Unless some files are `wanted`: then it is a first look, and counts for nothing.
    """

    pipeline: Pipeline | None
    problems: tuple[Problem, ...]
    files: tuple[str, ...] = ()  # all that it consists of, as far as they are known
    wanted: tuple[str, ...] = ()  # those that it includes and nobody has brought


def read(
    text: bytes,
    *,
    file: str = CONFIG_FILES[0],
    default_image: str,
    limits: Limits = DEFAULT_LIMITS,
    included: Brought = _NOTHING,
) -> Reading:
    """Reads and checks a whole file. Total: whatever the bytes are, it returns, soon, and never raises.

    `file` is the name that problems bear, `included` what was brought of the files that it includes, by
    their paths from the top of the repository: read again with all that are `wanted` until none is, at
    most six times. Takes up to a second of CPU for the worst files: call it off the event loop.
    """
    files = Files(file, text, included, limits)
    draft = files.draft()
    if draft is not None:
        check_size(draft, limits)
    problems = tuple(problem for report in files.reports for problem in report.problems())
    if files.wanted:
        return Reading(None, (), files.files, tuple(files.wanted))
    if draft is None or files.has_problems:
        return Reading(None, problems, files.files)
    jobs = spread(draft, default_image)
    pipeline = Pipeline(
        name=draft.name,
        on=draft.on,
        jobs=jobs,
        file=file,
        inputs=draft.inputs,
        filters=draft.filters,
        concurrency=draft.concurrency,
        schedules=draft.schedules,
    )
    return Reading(pipeline, (), files.files)


def refuse(length: int, file: str, limits: Limits) -> Reading:
    """What `read` says of a file of so many bytes that nobody brings it."""
    return Reading(None, too_large(length, file, limits).problems())
