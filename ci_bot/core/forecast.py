"""A plan → what would run of it if all goes well, and for each job that would not, why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ci_bot.core.conditions import Values, reads, why_never
from ci_bot.core.graph import settle
from ci_bot.core.model import JobRun
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Job, Plan, Step
from ci_bot.core.states import Change, Status


class Would(StrEnum):
    RUN = "run"
    NOT_RUN = "not run"
    DEPEND = "depend"  # on how what comes before goes


@dataclass(frozen=True, slots=True)
class StepForecast:
    step: Step
    would: Would
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JobForecast:
    job: Job
    would: Would
    steps: tuple[StepForecast, ...]
    reason: str = ""


def forecast(plan: Plan) -> tuple[JobForecast, ...]:
    """Every job that runs is taken to succeed."""
    ended = {job.key: job for job in _played(plan)}
    return tuple(_of_job(job, ended[job.id], plan.facts or Facts()) for job in plan.jobs)


def _played(plan: Plan) -> tuple[JobRun, ...]:
    jobs = tuple(_waiting(job) for job in plan.jobs)
    while changes := {each.job.key: each for each in settle(jobs, plan)}:
        jobs = tuple(
            replace(
                job,
                status=_AFTER[changes[job.key].change],
                reason=changes[job.key].reason,
                excluded=changes[job.key].excluded,
            )
            if job.key in changes
            else job
            for job in jobs
        )
    return jobs


_AFTER = {
    Change.RELEASE: Status.SUCCEEDED,
    Change.SKIP: Status.SKIPPED,
    Change.FAIL: Status.FAILED,
}


def _waiting(job: Job) -> JobRun:
    return JobRun(
        id=job.id,
        run_id="",
        key=job.id,
        name=job.name,
        attempt=1,
        status=Status.WAITING,
        steps=(),
        needs=job.needs,
        group=job.group,
        optional=job.optional,
        tolerated=job.allow_failure,
    )


def _of_job(job: Job, ended: JobRun, facts: Facts) -> JobForecast:
    values = Values(facts, job.matrix)
    steps = tuple(_of_step(step, values) for step in job.steps)
    if ended.status is Status.FAILED:
        return JobForecast(job, Would.NOT_RUN, steps, f"fails: {ended.reason}")
    if job.condition:
        return JobForecast(job, Would.DEPEND, steps, f"if: {job.condition}")
    if ended.status is Status.SUCCEEDED:
        return JobForecast(job, Would.RUN, steps)
    return JobForecast(job, Would.NOT_RUN, steps, ended.reason)


def _of_step(step: Step, values: Values) -> StepForecast:
    if not step.condition:
        return StepForecast(step, Would.RUN)
    why = why_never(step.condition, values)
    if why:
        return StepForecast(step, Would.NOT_RUN, why)
    is_known = reads(step.condition).is_known_early
    return StepForecast(step, Would.RUN if is_known else Would.DEPEND, f"if: {step.condition}")
