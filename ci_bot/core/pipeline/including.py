"""A file and those that it includes, as far as they were brought → one FileDraft of all, or what is wrong.

Pure: what is still missing is told in `wanted`, and whoever reads brings it and begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeGuard

from ci_bot.core.pipeline.compose import Spent, compose
from ci_bot.core.pipeline.conditions import check_conditions
from ci_bot.core.pipeline.decode import decode
from ci_bot.core.pipeline.draft import FileDraft, Include, JobDraft
from ci_bot.core.pipeline.graph import check_needs
from ci_bot.core.pipeline.limits import Limits
from ci_bot.core.pipeline.report import Report, quoted
from ci_bot.core.pipeline.top import JOBS_HINT, read_file, read_part
from ci_bot.core.pipeline.tree import START, Broken, Node, Pairs, Scalar, kind
from ci_bot.core.pipeline.value import Scope, Value

MOST_FILES: Final = 20  # besides the first
MOST_DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a file cannot be had, in words that follow its name: "is not there"."""

    reason: str


#: What was brought, by its path from the top of the repository.
Brought: TypeAlias = Mapping[str, bytes | Absent]


class Files:
    """Reads the first file, and at its `include` the others, each once; then `draft` is all of them."""

    def __init__(self, file: str, text: bytes, brought: Brought, limits: Limits) -> None:
        self.reports: list[Report] = []  # of the first file first
        self.wanted: dict[str, None] = {}
        self._brought = brought
        self._limits = limits
        self._spent = Spent()
        self._drafts: list[FileDraft] = []  # what is included before what includes it
        self._is_whole = True
        self._inputs: frozenset[str] | None = None
        self._seen = {file: None}
        self._read(file, text, (file,))

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self._seen)

    @property
    def has_problems(self) -> bool:
        return any(len(report) for report in self.reports)

    def draft(self) -> FileDraft | None:
        """None where there are problems. Of `env` and `image` the later word counts, the first file's last."""
        if not self._drafts:
            return None
        jobs = [job for draft in self._drafts for job in draft.jobs]
        if _differ(jobs) and self._is_whole and len(jobs) <= self._limits.jobs:
            ids = frozenset(id for draft in self._drafts for id in draft.ids)
            check_needs(jobs, ids)
            check_conditions(jobs, self._inputs)
        self._check_count(jobs)
        if self.has_problems or not self._is_whole:
            return None
        env = {name: value for draft in self._drafts for name, value in draft.env.items()}
        images = [draft.image for draft in self._drafts if draft.image]
        image = images[-1] if images else None
        return replace(self._drafts[-1], jobs=tuple(jobs), env=env, image=image)

    def _check_count(self, jobs: Sequence[JobDraft]) -> None:
        if len(self.reports) == 1:
            return  # what one file holds is checked where it is read
        if not jobs and self._is_whole and not self.has_problems:
            self.reports[0].add(START, "", "there are no jobs in any of the files", JOBS_HINT)
        count = sum(job.cells for job in jobs)
        if count > self._limits.jobs:
            message = f"{count} jobs in all files; there are at most {self._limits.jobs}"
            self.reports[0].add(START, "", message, "put several steps into one job")

    def _read(self, file: str, text: bytes, way: tuple[str, ...]) -> None:
        decoded, report = decode(text, file, self._limits)
        self.reports.append(report)
        root = None if len(report) else compose(decoded, self._limits, report, self._spent)
        scope = Scope(report, self._limits, self._inputs)
        is_first = len(way) == 1
        draft = None
        if _is_map(root, report):
            value = Value(root, "", START, scope)
            draft = read_file(value) if is_first else read_part(value, way[0])
        if draft is None:
            self._is_whole = False
            return
        if is_first and draft.knows_inputs:
            self._inputs = frozenset(each.name for each in draft.inputs)
        for include in draft.include:
            self._include(include, way)
        self._drafts.append(draft)

    def _include(self, include: Include, way: tuple[str, ...]) -> None:
        path, entry = include.path, include.entry
        if path in way:
            circle = " → ".join([*way[way.index(path) :], path])
            entry.wrong(f"files include each other in a circle: {circle}", "remove one of these")
        elif path in self._seen:
            return
        elif len(way) > MOST_DEPTH:
            entry.wrong(f"files include each other more than {MOST_DEPTH} deep")
        elif len(self._seen) > MOST_FILES:
            entry.wrong(f"more than {MOST_FILES} files are included", "put some together")
        else:
            self._seen[path] = None
            self._take(include, way)

    def _take(self, include: Include, way: tuple[str, ...]) -> None:
        content = self._brought.get(include.path)
        if isinstance(content, bytes):
            self._read(include.path, content, (*way, include.path))
            return
        self._is_whole = False
        if content is None:
            self.wanted[include.path] = None
        else:
            hint = "name it from the top of the repository"
            include.entry.wrong(f"{quoted(include.path)} {content.reason}", hint)


def _is_map(root: Node | None, report: Report) -> TypeGuard[Node]:
    if root is None or (isinstance(root, Scalar) and root.is_null):
        if not len(report):
            report.add(START, "", "the file says nothing", JOBS_HINT)
        return False
    if isinstance(root, Pairs | Broken):
        return True
    report.add(root.mark, "", f'the file must be a map with "jobs", not {kind(root)}', JOBS_HINT)
    return False


def _differ(jobs: Sequence[JobDraft]) -> bool:
    """Reports ids that two files give; within one they are checked as it is read."""
    seen: dict[str, JobDraft] = {}
    for job in jobs:
        first = seen.setdefault(job.id.casefold(), job)
        if first.report is not job.report:
            there = f"{first.report.file} on line {first.mark.line}"
            what = "" if first.id == job.id else f" as {quoted(first.id)}"
            path = f"jobs.{job.id}"
            job.report.add(job.mark, path, f"this job is in {there} too{what}", "rename one of them")
    return len(seen) == len(jobs)
