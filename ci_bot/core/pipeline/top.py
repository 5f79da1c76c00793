"""The whole map of `.ci.yaml` → FileDraft."""

from __future__ import annotations

from typing import Final

from ci_bot.core.pipeline.draft import FileDraft, JobDraft
from ci_bot.core.pipeline.env import env
from ci_bot.core.pipeline.events import On, on
from ci_bot.core.pipeline.graph import check_needs
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.job import job
from ci_bot.core.pipeline.keys import TOP
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import one_line
from ci_bot.core.pipeline.tree import Mark
from ci_bot.core.pipeline.value import Value, fields, pairs, text

DEFAULT_EVENTS: Final = frozenset({"push", "pull_request"})
EXAMPLE: Final = "jobs: {build: {steps: [make test]}}"
JOBS_HINT: Final = f"the least there can be is {EXAMPLE}"


def read_file(value: Value) -> FileDraft | None:
    """None where the file is no map."""
    found = fields(value, TOP)
    if found is None:
        return None
    found.read("version", _version)
    found.require("jobs", JOBS_HINT)
    events = found.read("on", on) if "on" in found else On(DEFAULT_EVENTS)
    if events is not None:  # else nobody knows which inputs there are
        found = found.knowing(each.name for each in events.inputs)
    return FileDraft(
        name=found.read("name", one_line) or "",
        on=events.names if events else DEFAULT_EVENTS,
        image=found.read("image", image),
        env=found.read("env", env) or {},
        jobs=found.read("jobs", _jobs) or (),
        inputs=events.inputs if events else (),
        schedules=events.schedules if events else (),
    )


def _version(value: Value) -> None:
    version = text(value)
    if version is not None and version != "1":
        value.wrong(f"{quoted(version)} is not a version of this language", 'write "version: 1"')


def _jobs(value: Value) -> tuple[JobDraft, ...] | None:
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
    if len(entries) <= value.scope.limits.jobs:
        check_needs(drafts, {name for name, _ in entries}, value.scope.report)
    return drafts


def _check_case(entries: list[tuple[str, Value]]) -> None:
    """Where ids become names of checks, branches of a file system or labels, case may not count."""
    seen: dict[str, tuple[str, Mark]] = {}
    for name, entry in entries:
        first, mark = seen.setdefault(name.casefold(), (name, entry.key))
        if first != name:
            message = f"{quoted(name)} differs from {quoted(first)} on line {mark.line} only in case"
            entry.wrong_key(message, "rename one of them")
