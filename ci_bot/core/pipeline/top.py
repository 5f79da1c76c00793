"""The whole map of `.ci.yaml`, or of a file that it includes → FileDraft."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeGuard

from ci_bot.core.pipeline.draft import FileDraft, Include, JobDraft
from ci_bot.core.pipeline.env import env
from ci_bot.core.pipeline.events import On, on
from ci_bot.core.pipeline.features import Key
from ci_bot.core.pipeline.features.concurrency import concurrency
from ci_bot.core.pipeline.features.schemas import SOME_TEXT, alone_or_listed
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.job import job
from ci_bot.core.pipeline.keys import FIRST_FILE_ALONE, INCLUDED, TOP
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import one_line, path_inside
from ci_bot.core.pipeline.tree import Mark, Pairs
from ci_bot.core.pipeline.value import Fields, Value, fields, one_or_more, pairs, text

DEFAULT_EVENTS: Final = frozenset({"push", "pull_request"})
EXAMPLE: Final = "jobs: {build: {steps: [make test]}}"
JOBS_HINT: Final = f"the least there can be is {EXAMPLE}"


def read_file(value: Value) -> FileDraft | None:
    """None where the file is no map."""
    found = fields(value, TOP)
    if found is None:
        return None
    found.read("version", read_version)
    if "include" not in found:
        found.require("jobs", JOBS_HINT)
    events = found.read("on", on) if "on" in found else On(DEFAULT_EVENTS)
    if events is not None:  # else nobody knows which inputs there are
        found = found.knowing(inputs=frozenset(each.name for each in events.inputs))
    part = _part(value, found)
    return replace(
        part,
        name=found.read("name", one_line) or "",
        on=events.names if events else DEFAULT_EVENTS,
        inputs=events.inputs if events else (),
        filters=events.filters if events else {},
        knows_inputs=events is not None,
        concurrency=found.read("concurrency", concurrency),
        schedules=events.schedules if events else (),
    )


def read_part(value: Value, first: str) -> FileDraft | None:
    """Of a file that is included; `first` is the one that begins it all. None where it is no map."""
    found = fields(value, INCLUDED)
    if found is None:
        return None
    found.read("version", read_version)
    for key in FIRST_FILE_ALONE:
        if key in found:
            message = f"{quoted(key)} does not work in a file that is included"
            found.values[key].wrong_key(message, f"write it in {first}")
    return _part(value, found)


def _part(value: Value, found: Fields) -> FileDraft:
    """What a file may say wherever it stands."""
    jobs = found.values.get("jobs")
    return FileDraft(
        name="",
        on=frozenset(),
        image=found.read("image", image),
        env=found.read("env", env) or {},
        jobs=found.read("jobs", read_jobs) or (),
        file=value.scope.report.file,
        include=found.read("include", INCLUDE.read) or (),
        ids=frozenset(name for name, _ in pairs(jobs) or ()) if _is_map(jobs) else frozenset(),
    )


def read_version(value: Value) -> None:
    version = text(value)
    if version is not None and version != "1":
        value.wrong(f"{quoted(version)} is not a version of this language", 'write "version: 1"')


def read_jobs(value: Value) -> tuple[JobDraft, ...] | None:
    entries = [] if value.is_null else pairs(value)
    if entries is None:
        return None
    if not entries:
        value.wrong_key("there are no jobs", JOBS_HINT)
    if len(entries) > value.scope.limits.jobs:
        message = f"{len(entries)} jobs; a file has at most {value.scope.limits.jobs}"
        value.wrong_key(message, "put several steps into one job")
    _check_case(entries)
    jobs = (job(name, entry) for name, entry in entries)
    drafts = tuple(draft for draft in jobs if draft)
    _check_cells(value, drafts)
    return drafts


def _check_cells(value: Value, drafts: tuple[JobDraft, ...]) -> None:
    limit, total = value.scope.limits.jobs, sum(draft.cells for draft in drafts)
    if len(drafts) <= limit < total:
        message = f"{total} jobs, every cell of a matrix counted; a file has at most {limit}"
        value.wrong_key(message, "take values away from a matrix")


def _check_case(entries: list[tuple[str, Value]]) -> None:
    """Where ids become names of checks, branches of a file system or labels, case may not count."""
    seen: dict[str, tuple[str, Mark]] = {}
    for name, entry in entries:
        first, mark = seen.setdefault(name.casefold(), (name, entry.key))
        if first != name:
            message = f"{quoted(name)} differs from {quoted(first)} on line {mark.line} only in case"
            entry.wrong_key(message, "rename one of them")


def _is_map(value: Value | None) -> TypeGuard[Value]:
    return value is not None and isinstance(value.node, Pairs)


def _includes(value: Value) -> tuple[Include, ...]:
    entries = one_or_more(value) or []
    read = ((entry, path_inside(entry)) for entry in entries)
    return tuple(Include(path, entry) for entry, path in read if path is not None)


INCLUDE: Final = Key(
    name="include",
    read=_includes,
    schema=alone_or_listed(SOME_TEXT),
    about=(
        "One file or several of the same repository, named from its top and taken from the same commit. They "
        "may hold `image`, `env`, `jobs`, keys that begin with `x-`, and `include` of their own, up to 20 files "
        "and 5 deep; each is read once. All together make one file: of `env` and `image` the later word "
        "counts, and the word of the file that includes over what it includes; ids of jobs must differ. "
        "Anchors end with their file, and the limits count for all together."
    ),
    example="""\
include: [ci/test.yaml]
jobs:
  deploy:
    needs: test
    steps: [echo deployed]
""",
    beside={
        "ci/test.yaml": """\
jobs:
  test:
    steps: [echo tested]
"""
    },
)
