"""A run, its attempts and the job that is looked at → everything that the log page says, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.extra_words import lines
from ci_bot.core.manners import manners_of
from ci_bot.core.model import FIRST_SERVICE, JobRun, Run, RunKind, StepRun, Usage
from ci_bot.core.page.urls import RunUrls
from ci_bot.core.standing import Standing, span, standing
from ci_bot.core.states import Status
from ci_bot.core.words import (
    attempt_words,
    count,
    cpu_words,
    duration,
    failed_step,
    has_failed,
    memory_words,
    reason_of,
    why_cancelled,
)

#: Foreign text in, what may be shown of it out: masked, and without what could turn it around.
Clean = Callable[[str], str]

WORDS: Final = {
    "waiting": "Waiting",
    "ready": "Queued",
    "queued": "Queued",
    "running": "Running",
    "succeeded": "Passed",
    "failed": "Failed",
    "timed_out": "Timed out",
    "cancelled": "Cancelled",
    "skipped": "Skipped",
    "broken": "Infrastructure failure",
    "held": "Waiting for approval",
    "tolerated": "Failed, tolerated",
}
NOT_RUN: Final = "Not run"
KINDS: Final = {
    RunKind.PUSH: "Push to",
    RunKind.MERGE_GROUP: "Merge queue,",
    RunKind.TAG: "Tag",
    RunKind.SCHEDULE: "Schedule on",
    RunKind.MANUAL: "Started by hand on",
}


@dataclass(frozen=True, slots=True)
class Stand:
    """How something stands: a word for style sheets, one for people, and its time.

    `time` is a duration in words, "" where it has not begun; `since` the moment from which it still counts.
    """

    status: str
    word: str
    time: str = ""
    since: float | None = None


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in the list of jobs."""

    id: str
    name: str
    stand: Stand
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    number: int
    stand: Stand
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class StepView:
    index: int
    number: int
    name: str
    stand: Stand
    reason: str
    usage: str
    usage_title: str
    anchor: str  # what the links of its lines begin with
    url: str  # of the page with this step's log open
    lines_url: str
    events_url: str
    raw_url: str
    has_log: bool
    is_live: bool


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service beside the steps of a job."""

    name: str
    raw_url: str


@dataclass(frozen=True, slots=True)
class JobView:
    id: str
    name: str
    stand: Stand
    reason: str
    attempts: tuple[Attempt, ...]  # () where there is one alone
    steps: tuple[StepView, ...]
    services: tuple[ServiceView, ...]  # () before the job has begun
    needs: tuple[str, ...]
    text_url: str
    search_url: str
    extras: tuple[str, ...] = ()  # caches, tests and artifacts, a line each
    artifacts_url: str = ""  # where they can be had; "" where there are none


@dataclass(frozen=True, slots=True)
class RunView:
    """`version` changes when there are other jobs or attempts than before."""

    id: str
    repo: str
    title: str
    where: str
    sha: str
    actor: str
    created_at: float
    stand: Stand
    reason: str
    problems: tuple[str, ...]
    jobs: tuple[JobLine, ...]
    job: JobView | None
    url: str
    events_url: str
    version: str


def run_view(
    run: Run, attempts: Sequence[JobRun], chosen: JobRun | None, urls: RunUrls, clean: Clean, now: float
) -> RunView:
    """`chosen` is the attempt that is looked at, perhaps an earlier one; None where there are no jobs."""
    return RunView(
        id=run.id,
        repo=clean(run.repo.name),
        title=clean(run.title) or f"{run.repo.name} @ {run.sha[:7]}",
        where=clean(where(run)),
        sha=run.sha,
        actor=clean(run.actor.login),
        created_at=run.created_at,
        stand=run_stand(run, now),
        reason=clean(run.reason),
        problems=tuple(clean(str(problem)) for problem in run.problems),
        jobs=tuple(_job_line(job, chosen, urls, clean, now) for job in run.jobs),
        job=None
        if chosen is None
        else _job_view(chosen, attempts, services_of(run, chosen), urls, clean, now),
        url=urls.run(),
        events_url=urls.state(chosen),
        version=" ".join(job.id for job in run.jobs),
    )


def chosen_job(run: Run) -> JobRun | None:
    """What somebody who opens the run most likely wants to see: what failed, else what runs, else the first."""
    by_interest = sorted(
        run.jobs, key=lambda job: (not has_failed(job), job.status is not Status.RUNNING)
    )
    return next(iter(by_interest), None)


def open_step(job: JobRun) -> int | None:
    """The step whose log is open at first: the one that failed, or runs; None if all went well."""
    failed = failed_step(job)
    if failed is not None:
        return failed.index
    running = next((step.index for step in job.steps if step.status is Status.RUNNING), None)
    if running is not None:
        return running
    return 0 if len(job.steps) == 1 and job.steps[0].started_at is not None else None


def where(run: Run) -> str:
    if run.kind is RunKind.PULL_REQUEST:
        manners = manners_of(run.repo.forge)
        return f"{manners.pull.capitalize()} {manners.sign}{run.pull}" + (
            f" into {run.base_ref}" if run.base_ref else ""
        )
    return f"{KINDS[run.kind]} {run.ref}"


def run_stand(run: Run, now: float) -> Stand:
    found = standing(run)
    began, ended = span(run)
    is_going = found is Standing.RUNNING
    return _stand(found.value, began, now if is_going else ended, is_going=is_going)


def step_stand(step: StepRun, now: float) -> Stand:
    is_going = step.status is Status.RUNNING
    stand = _stand(
        step.status.value, step.started_at, now if is_going else step.finished_at, is_going=is_going
    )
    if step.tolerated and has_failed(step):
        return replace(stand, status="tolerated", word=WORDS["tolerated"])
    if step.status is Status.CANCELLED and step.started_at is None:
        return Stand("skipped", NOT_RUN)
    return replace(stand, word=NOT_RUN) if step.status is Status.SKIPPED else stand


def usage_words(usage: Usage | None) -> str:
    """ "84 MB · 3.2 s CPU"; "" where nothing is known."""
    cpu = cpu_words(usage)
    return " · ".join(filter(None, [memory_words(usage), cpu and f"{cpu} CPU"]))


def _usage_title(usage: Usage | None) -> str:
    memory, cpu = memory_words(usage), cpu_words(usage)
    parts = [memory and f"at most {memory} of memory", cpu and f"{cpu} of processor time"]
    return "Used " + " and ".join(filter(None, parts)) if any(parts) else ""


def _job_line(job: JobRun, chosen: JobRun | None, urls: RunUrls, clean: Clean, now: float) -> JobLine:
    is_current = chosen is not None and chosen.key == job.key
    return JobLine(job.id, clean(job.name), job_stand(job, now), urls.job(job), is_current)


def services_of(run: Run, job: JobRun) -> tuple[str, ...]:
    """The names of the services of a job, in the order of their logs."""
    planned = next((each for each in (run.plan.jobs if run.plan else ()) if each.id == job.key), None)
    return planned.company if planned else ()


def _job_view(
    job: JobRun,
    attempts: Sequence[JobRun],
    services: Sequence[str],
    urls: RunUrls,
    clean: Clean,
    now: float,
) -> JobView:
    tries = [each for each in attempts if each.key == job.key]
    return JobView(
        id=job.id,
        name=clean(job.name),
        stand=job_stand(job, now),
        reason=clean(_reason(job)),
        attempts=tuple(
            Attempt(each.attempt, job_stand(each, now), urls.job(each), each.id == job.id)
            for each in tries
        )
        if len(tries) > 1
        else (),
        steps=tuple(_step_view(job, step, urls, clean, now) for step in job.steps),
        services=tuple(
            ServiceView(clean(name), urls.step(job, FIRST_SERVICE + place, "raw"))
            for place, name in enumerate(services if job.started_at is not None else ())
        ),
        needs=tuple(map(clean, job.needs)),
        text_url=urls.text(job),
        search_url=urls.search(job),
        extras=tuple(map(clean, lines(job))),
        artifacts_url=urls.artifacts(job) if _has_artifacts(job, now) else "",
    )


def _has_artifacts(job: JobRun, now: float) -> bool:
    kept = job.extras.artifacts
    return kept is not None and kept.files > 0 and kept.expires_at > now


def _reason(job: JobRun) -> str:
    """What the steps do not say already."""
    if job.status is Status.CANCELLED:
        return why_cancelled(job)
    if job.status is Status.WAITING and job.needs:
        return f"waits for {' and '.join(job.needs)}"
    if job.earlier and not job.status.is_final:
        return f"{attempt_words(job)}; before: {job.earlier[-1].reason}"
    return "" if failed_step(job) is not None else job.reason


def _step_view(job: JobRun, step: StepRun, urls: RunUrls, clean: Clean, now: float) -> StepView:
    return StepView(
        index=step.index,
        number=step.index + 1,
        name=clean(step.name),
        stand=step_stand(step, now),
        reason=clean(step_reason(step)),
        usage=usage_words(step.usage),
        usage_title=_usage_title(step.usage),
        anchor=f"{job.key}/{step.index + 1}",
        url=urls.job(job, step=step.index + 1),
        lines_url=urls.step(job, step.index, "lines"),
        events_url=urls.step(job, step.index, "events"),
        raw_url=urls.step(job, step.index, "raw"),
        has_log=step.started_at is not None,
        is_live=step.status is Status.RUNNING,
    )


def step_reason(step: StepRun) -> str:
    if step.status is Status.SUCCEEDED:
        return ""
    return reason_of(step) or (f"exit code {step.exit_code}" if step.exit_code else "")


def job_stand(job: JobRun, now: float) -> Stand:
    is_going = job.status is Status.RUNNING
    return _stand(
        job.status.value, job.started_at, now if is_going else job.finished_at, is_going=is_going
    )


def _stand(status: str, began: float | None, ended: float | None, *, is_going: bool) -> Stand:
    time = duration(ended - began) if began is not None and ended is not None else ""
    return Stand(status, WORDS[status], time, began if is_going else None)


def counted(run: Run) -> str:
    """ "3 jobs", and how many of them did not do well."""
    bad = sum(has_failed(job) for job in run.jobs)
    return count(len(run.jobs), "job") + (f", {bad} failed" if bad else "")
