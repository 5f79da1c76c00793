"""The steps of a job as they are stored → which one is next, whether it runs, and how long it may.

Everything follows from what is stored, so that a process that adopts the job decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.conditions import (
    Before,
    Values,
    asks_status,
    evaluate,
    reads,
    why_failed,
    why_not,
)
from ci_bot.core.model import StepRun
from ci_bot.core.outcome import (
    Deadline,
    Outcome,
    StoppedBy,
    duration,
    job_deadline,
    job_outcome,
    nearer,
)
from ci_bot.core.planned import Job
from ci_bot.core.states import Change, Status, step_after

#: Seconds for all steps together that run after a job failed, was cancelled or came to its limit.
GRACE: Final = 300
NO_TIME: Final = "no time is left for it"


@dataclass(frozen=True, slots=True)
class Next:
    """The step that comes next. `outcome` is how it ends without being run; None: it is run.

    `after_cancel`: it runs although, and perhaps because, the job was cancelled.
    """

    index: int
    outcome: Outcome | None = None
    after_cancel: bool = False


def next_step(
    job: Job, steps: Sequence[StepRun], values: Values, cancelled: str, now: float
) -> Next | None:
    """None where nothing is left to be run or recorded.

    `values` hold the results of the job's needs; `cancelled` is the reason of a cancel, "" without one.
    """
    index = next((step.index for step in steps if not step.status.is_final), None)
    end = job_outcome(steps)
    if index is None:
        return None
    before = _before(end, cancelled, values.before)
    is_ending = not before.succeeded
    if steps[index].status is Status.RUNNING:
        goes_on = bool(cancelled) and _holds(job.steps[index].condition, replace(values, before=before))
        return Next(index, after_cancel=goes_on)
    if is_ending and not any(_may_follow(step.condition) for step in job.steps[index:]):
        return None
    if is_ending and now >= _grace(steps, now):
        return Next(index, Outcome(Change.SKIP, NO_TIME))
    outcome = _not_run(job.steps[index].condition, replace(values, before=before), end, cancelled)
    return Next(index, outcome, after_cancel=bool(cancelled))


def likely_next(
    job: Job, steps: Sequence[StepRun], index: int, values: Values, now: float
) -> int | None:
    """The step that runs after this one if that succeeds."""
    assumed = [*steps]
    assumed[index] = replace(assumed[index], status=Status.SUCCEEDED)
    while (following := next_step(job, assumed, values, "", now)) is not None:
        if following.outcome is None:
            return following.index
        skipped = assumed[following.index]
        after = step_after(Status.WAITING, following.outcome.change)
        assumed[following.index] = replace(skipped, status=after)
    return None


def limit(
    job: Job,
    steps: Sequence[StepRun],
    index: int,
    job_started: float,
    step_started: float,
    *,
    after_cancel: bool,
) -> Deadline:
    """When the step must have ended. After a failure it has the grace time, if not more is left."""
    whole = job_deadline(job, job_started)
    before = job_outcome(steps)  # this step has not ended, so it is no success yet
    if after_cancel or before is not None:
        grace = Deadline(_grace(steps[:index], step_started), StoppedBy.GRACE, duration(GRACE))
        whole = grace if after_cancel or grace.at > whole.at else whole
    return nearer(whole, job.steps[index].timeout, step_started)


def _before(end: Outcome | None, cancelled: str, needs: Before) -> Before:
    change = end.change if end else Change.SUCCEED
    return Before(
        results=needs.results,
        succeeded=change is Change.SUCCEED and not cancelled,
        failed=change in (Change.FAIL, Change.TIME_OUT, Change.BREAK),
        cancelled=bool(cancelled) or change is Change.CANCEL,
    )


def _may_follow(condition: str) -> bool:
    """Whether a step can run after the job's end was decided."""
    return asks_status(condition) and reads(condition).status != {"success"}


def _not_run(condition: str, values: Values, end: Outcome | None, cancelled: str) -> Outcome | None:
    if not values.before.succeeded and not asks_status(condition):
        if cancelled and end is None:
            return Outcome(Change.CANCEL, cancelled)
        return Outcome(Change.SKIP)
    if not condition:
        return None
    answer = evaluate(condition, values)
    if answer.error:
        return Outcome(Change.FAIL, why_failed(answer.error, condition))
    return None if answer.holds else Outcome(Change.SKIP, why_not(condition, values))


def _holds(condition: str, values: Values) -> bool:
    return asks_status(condition) and evaluate(condition, values).holds


def _grace(steps: Sequence[StepRun], now: float) -> float:
    """Counts from the first failure or cancel; from the last step's end where a cancel came between two."""
    ends = [step.finished_at for step in steps if step.finished_at is not None]
    bad = [
        step.finished_at
        for step in steps
        if step.finished_at is not None and step.status.is_bad and step.status is not Status.SKIPPED
        if not (step.tolerated and step.status is Status.FAILED)
    ]
    since = min(bad) if bad else max(ends, default=now)
    return since + GRACE
