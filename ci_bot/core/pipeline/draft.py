"""What `.ci.yaml` says, level by level, before defaults and environments are spread over the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ci_bot.core.pipeline.env import Env
from ci_bot.core.pipeline.features.feature import Said
from ci_bot.core.pipeline.report import Report
from ci_bot.core.pipeline.tree import Mark
from ci_bot.core.pipeline.value import Value
from ci_bot.core.planned import Concurrency, Filter, Input, Schedule


@dataclass(frozen=True, slots=True)
class StepDraft:
    name: str
    run: str
    image: str | None
    env: Env
    timeout: int | None
    workdir: str
    continue_on_error: bool
    path: str
    mark: Mark
    said: Said = field(default_factory=dict)  # of its features


@dataclass(frozen=True, slots=True)
class Need:
    """One entry of `needs`, at its place."""

    job: str
    path: str
    mark: Mark
    optional: bool = False  # it may have been skipped by its own condition


@dataclass(frozen=True, slots=True)
class JobDraft:
    id: str
    name: str
    image: str | None
    needs: tuple[Need, ...]
    env: Env
    timeout: int
    steps: tuple[StepDraft, ...]
    mark: Mark
    report: Report  # of the file that it stands in
    said: Said = field(default_factory=dict)  # of its features

    @property
    def cells(self) -> int:
        """How many jobs it becomes."""
        return len(self.said["matrix"].cells) if "matrix" in self.said else 1


@dataclass(frozen=True, slots=True)
class Include:
    """One entry of `include`, at its place."""

    path: str  # from the top of the repository
    entry: Value


@dataclass(frozen=True, slots=True)
class FileDraft:
    """A whole file. Only one without problems is complete."""

    name: str
    on: frozenset[str]
    image: str | None
    env: Env
    jobs: tuple[JobDraft, ...]
    inputs: tuple[Input, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    file: str = ""
    knows_inputs: bool = True  # False where `on` cannot be read
    include: tuple[Include, ...] = ()
    ids: frozenset[str] = frozenset()  # of all jobs, readable or not
    concurrency: Concurrency | None = None
    schedules: tuple[Schedule, ...] = ()
