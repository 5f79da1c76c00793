"""From how processes ended to what is recorded: exits → steps → jobs, with the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ci_bot.core.model import Exit, ExitReason, JobRun, StepRun
from ci_bot.core.planned import Job
from ci_bot.core.states import Change, Status, fold


class StoppedBy(StrEnum):
    """Why we ended a step ourselves."""

    STEP_TIMEOUT = "step_timeout"
    JOB_TIMEOUT = "job_timeout"
    GRACE = "grace"  # it ran after the job's end was decided
    PERSON = "person"  # cancelled, superseded, closed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is recorded of a step or a job."""

    change: Change
    reason: str = ""


def step_outcome(exit: Exit, stopped_by: StoppedBy | None, why: str) -> Outcome:
    """`why` says in words what stopped it: the limit ("5m"), or the reason of a cancel.

    A step that ended by itself just before it was stopped keeps its own exit.
    """
    if exit.reason is ExitReason.STOPPED and stopped_by is not None:
        if stopped_by is StoppedBy.PERSON:
            return Outcome(Change.CANCEL, why)
        return Outcome(Change.TIME_OUT, f"timed out: {_WHOSE[stopped_by]} is {why}")
    if exit.code == 0 and exit.reason is ExitReason.EXITED:
        return Outcome(Change.SUCCEED)
    return Outcome(Change.FAIL, exit.message or f"exit code {exit.code}")


_WHOSE: Final = {
    StoppedBy.STEP_TIMEOUT: "its limit",
    StoppedBy.JOB_TIMEOUT: "the job's limit",
    StoppedBy.GRACE: "the limit of steps after the job's end",
}


def job_outcome(steps: Sequence[StepRun]) -> Outcome | None:
    """The end of a job as its steps have it: the first failure decides. None while there is none yet.

    Steps whose condition says so still run after that (`core.stepping`).
    """
    for step in steps:
        if step.status is Status.FAILED and step.tolerated:
            continue
        if step.status in _ENDS:
            return Outcome(_ENDS[step.status], f'step "{step.name}": {step.reason}')
    return Outcome(Change.SUCCEED) if all(step.status.is_final for step in steps) else None


@dataclass(frozen=True, slots=True)
class Took:
    """How a run ended, and how many seconds that took since it, or its newest attempt, was asked for."""

    result: Status
    seconds: float


def run_took(jobs: Sequence[JobRun], job_id: str) -> Took | None:
    """None while a job is unfinished, and where another job than this one was the last to end.

    So a run is measured once, by whoever ended it, however many of its jobs end together.
    """
    if not all(job.status.is_final for job in jobs):
        return None
    worked = [job for job in jobs if job.started_at is not None and job.finished_at is not None]
    last = max(worked, key=lambda job: (job.finished_at or 0.0, job.id), default=None)
    if last is None or last.id != job_id:
        return None
    newest = max(job.asked_as for job in jobs)
    asked_at = min(job.asked_at for job in jobs if job.asked_as == newest)
    seconds = max(0.0, (last.finished_at or asked_at) - asked_at)
    return Took(fold(job.status for job in jobs), seconds)


_ENDS = {
    Status.FAILED: Change.FAIL,
    Status.TIMED_OUT: Change.TIME_OUT,
    Status.CANCELLED: Change.CANCEL,
    Status.BROKEN: Change.BREAK,
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a step must have ended, whose limit that is, and that limit in words ("5m")."""

    at: float
    by: StoppedBy
    words: str


def job_deadline(job: Job, job_started: float) -> Deadline:
    """It counts on while no server runs."""
    return Deadline(job_started + job.timeout, StoppedBy.JOB_TIMEOUT, duration(job.timeout))


def nearer(whole: Deadline, own: int | None, step_started: float) -> Deadline:
    """The step's own limit (seconds, None where it has none) if it comes before the whole's."""
    if own is None or step_started + own >= whole.at:
        return whole
    return Deadline(step_started + own, StoppedBy.STEP_TIMEOUT, duration(own))


def duration(seconds: float) -> str:
    """A limit as `.ci.yaml` writes it: 90s, 30m, 2h."""
    whole = int(seconds)
    for size, unit in ((3600, "h"), (60, "m")):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"
