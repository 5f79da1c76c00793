"""The whole map of `.ci.yaml` → FileDraft."""

from __future__ import annotations

from typing import Final

from ci_bot.core.pipeline.draft import FileDraft, JobDraft
from ci_bot.core.pipeline.env import env
from ci_bot.core.pipeline.graph import check_needs
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.job import job
from ci_bot.core.pipeline.keys import TOP
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.scalars import one_line
from ci_bot.core.pipeline.tree import Mark, Pairs
from ci_bot.core.pipeline.value import LATER, Value, fields, one_or_more, pairs, text
from ci_bot.core.suggest import did_you_mean

EVENTS: Final = ("push", "pull_request", "tag", "merge_group", "manual")
_LATER_EVENTS: Final = ("schedule",)
DEFAULT_EVENTS: Final = frozenset({"push", "pull_request"})
EXAMPLE: Final = "jobs: {build: {steps: [make test]}}"
JOBS_HINT: Final = f"the least there can be is {EXAMPLE}"

#: What other systems call our events.
_FOREIGN_EVENTS: Final = {
    "cron": "schedule",
    "merge_queue": "merge_group",
    "merge_request": "pull_request",
    "merge_requests": "pull_request",
    "pr": "pull_request",
    "release": "tag",
    "tags": "tag",
    "workflow_dispatch": "manual",
}


def read_file(value: Value) -> FileDraft | None:
    """None where the file is no map."""
    found = fields(value, TOP)
    if found is None:
        return None
    found.read("version", _version)
    found.require("jobs", JOBS_HINT)
    return FileDraft(
        name=found.read("name", one_line) or "",
        on=found.read("on", _events) or DEFAULT_EVENTS,
        image=found.read("image", image),
        env=found.read("env", env) or {},
        jobs=found.read("jobs", _jobs) or (),
    )


def _version(value: Value) -> None:
    version = text(value)
    if version is not None and version != "1":
        value.wrong(f"{quoted(version)} is not a version of this language", 'write "version: 1"')


def _events(value: Value) -> frozenset[str] | None:
    if isinstance(value.node, Pairs):
        hint = "write a list, like [push, pull_request]"
        value.wrong_key(f"a map with filters is {LATER}", hint)
        return None
    entries = one_or_more(value)
    if entries is None:
        return None
    if not entries:
        value.wrong("names no event, so nothing would ever run", f"name some of {', '.join(EVENTS)}")
    return frozenset(name for entry in entries if (name := _event(entry)))


def _event(entry: Value) -> str | None:
    name = text(entry)
    if name is None or name in EVENTS:
        return name
    if name in _LATER_EVENTS:
        entry.wrong(f"{quoted(name)} is {LATER}")
        return None
    meant = _FOREIGN_EVENTS.get(name)
    hint = f'did you mean "{meant}"?' if meant else did_you_mean(name, EVENTS)
    entry.wrong(f"unknown event {quoted(name)}", hint or f"there are {', '.join(EVENTS)}")
    return None


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
