"""A run as a whole: its verdict and its jobs → the one word that lists and badges show."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ci_bot.core.model import JobRun, Run, Verdict
from ci_bot.core.states import Status, fold


class Standing(StrEnum):
    """Where a run stands. The words of jobs, and two for what has none."""

    HELD = "held"  # waits for somebody's approval
    QUEUED = "queued"  # nothing of it has begun
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # a job did, or its configuration is wrong
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"  # by a person, or because nobody waits for it any more
    SKIPPED = "skipped"  # nothing was to be run
    BROKEN = "broken"  # infrastructure failed it

    @property
    def is_final(self) -> bool:
        """Whether it stays so unless somebody acts; what is held does not end by itself either."""
        return self not in (Standing.QUEUED, Standing.RUNNING)


#: How a verdict stands where no job was planned.
BY_VERDICT: Final[Mapping[Verdict, Standing]] = MappingProxyType(
    {
        Verdict.NOTHING_TO_RUN: Standing.SKIPPED,
        Verdict.SKIP_CI: Standing.SKIPPED,
        Verdict.DRAFT: Standing.SKIPPED,
        Verdict.CONFIG_BROKEN: Standing.FAILED,
        Verdict.CONFIG_MISSING: Standing.FAILED,
        Verdict.HELD: Standing.HELD,
    }
)

#: How the fold of its jobs stands.
BY_FOLD: Final[Mapping[Status, Standing]] = MappingProxyType(
    {
        Status.WAITING: Standing.QUEUED,
        Status.READY: Standing.QUEUED,
        Status.RUNNING: Standing.RUNNING,
        Status.SUCCEEDED: Standing.SUCCEEDED,
        Status.FAILED: Standing.FAILED,
        Status.TIMED_OUT: Standing.TIMED_OUT,
        Status.CANCELLED: Standing.CANCELLED,
        Status.SKIPPED: Standing.SKIPPED,
        Status.BROKEN: Standing.BROKEN,
    }
)


def standing(run: Run) -> Standing:
    """By the latest attempt of each job. A plan without jobs proves nothing: never success."""
    if run.verdict is not Verdict.PLANNED:
        found = BY_VERDICT[run.verdict]
        is_over = found is Standing.HELD and run.superseded
        return Standing.CANCELLED if is_over else found
    if not run.jobs:
        return Standing.FAILED
    return BY_FOLD[fold(_counted(job) for job in run.jobs)]


def _counted(job: JobRun) -> Status:
    """A failure that is allowed counts as passed."""
    return Status.SUCCEEDED if job.status.is_final and job.tolerated else job.status


def span(run: Run) -> tuple[float | None, float | None]:
    """When the first job of the latest attempts began, and when the last one ended; None if not yet."""
    began = [job.started_at for job in run.jobs if job.started_at is not None]
    ended = [job.finished_at for job in run.jobs if job.finished_at is not None]
    is_over = standing(run).is_final and bool(ended)
    return min(began, default=None), max(ended) if is_over else None
