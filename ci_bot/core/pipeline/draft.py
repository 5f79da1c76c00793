"""What `.ci.yaml` says, level by level, before defaults and environments are spread over the steps."""

from __future__ import annotations

from dataclasses import dataclass, field

from ci_bot.core.pipeline.env import Env
from ci_bot.core.pipeline.features.feature import Said
from ci_bot.core.pipeline.tree import Mark
from ci_bot.core.planned import Input, Schedule


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
    said: Said = field(default_factory=dict)  # of its features


@dataclass(frozen=True, slots=True)
class FileDraft:
    """A whole file. Only one without problems is complete."""

    name: str
    on: frozenset[str]
    image: str | None
    env: Env
    jobs: tuple[JobDraft, ...]
    inputs: tuple[Input, ...] = ()
    schedules: tuple[Schedule, ...] = ()
