"""From how the runs of a check fold to the one line that is read first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ci_bot.core.gate import Conclusion, GateState
from ci_bot.core.model import JobRun, Run, Verdict
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling
from ci_bot.core.words import count, duration, labelled, listed, why_cancelled

NOTHING = "Nothing to run"
HELD = "Waiting for approval"
NOT_RUN = "Not run"
SUPERSEDED = "Superseded"
CONFIG_MISSING = ".ci.yaml is missing"
NO_JOBS = "Infrastructure failure: the plan has no jobs"

_PAST: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.FAILED: "failed",
        Status.BROKEN: "infrastructure failure",
        Status.TIMED_OUT: "timed out",
        Status.CANCELLED: "cancelled",
    }
)


def headline(gate: GateState) -> str:
    """One line without markup. It holds names as they came: escape it before showing it."""
    runs = gate.runs
    if gate.is_superseded:
        return labelled(SUPERSEDED, runs[-1].reason)
    match gate.conclusion:
        case None:
            return _running(_jobs(runs))
        case Conclusion.SUCCESS:
            return _passed(runs)
        case Conclusion.ACTION_REQUIRED:
            return _awaited(runs)
        case _:
            return _failed(runs)


def _jobs(runs: Sequence[Run]) -> list[JobRun]:
    return [job for run in runs for job in run.jobs]


def _of(runs: Sequence[Run], verdict: Verdict) -> Run | None:
    return next((run for run in reversed(runs) if run.verdict is verdict), None)


def _running(jobs: Sequence[JobRun]) -> str:
    done = sum(job.status.is_final for job in jobs)
    if not done and all(job.status is not Status.RUNNING for job in jobs):
        return f"Queued: {count(len(jobs), 'job')}"
    bad = [job.name for job in jobs if job.status in _PAST and not job.tolerated]
    failed = f"; not passed: {listed(bad)}" if bad else ""
    return f"Running: {done} of {count(len(jobs), 'job')} done{failed}"


def _passed(runs: Sequence[Run]) -> str:
    jobs = _jobs(runs)
    passed = [job for job in jobs if job.status is Status.SUCCEEDED]
    if not jobs:
        return labelled(NOTHING, runs[-1].reason)
    if not passed:
        return f"{NOTHING}: {count(len(jobs), 'job')} skipped"
    tolerated = [job.name for job in jobs if job.tolerated and job.status in _PAST]
    skipped = len(jobs) - len(passed) - len(tolerated)
    return (
        f"{count(len(passed), 'job')} passed{_took(runs)}"
        + (f", {skipped} skipped" if skipped else "")
        + (f"; allowed to fail: {listed(tolerated)}" if tolerated else "")
    )


def _took(runs: Sequence[Run]) -> str:
    """From the first start to the last end; after a retry that would count the pause, so say which."""
    jobs = _jobs(runs)
    attempt = max(job.asked_as for job in jobs)
    if attempt > 1:
        return f" (attempt {attempt})"
    return f" in {duration(max(_span(run.jobs) for run in runs))}"


def _span(jobs: Sequence[JobRun]) -> float:
    starts = [job.started_at for job in jobs if job.started_at is not None]
    ends = [job.finished_at for job in jobs if job.finished_at is not None]
    return max(ends) - min(starts) if starts and ends else 0.0


def _awaited(runs: Sequence[Run]) -> str:
    held = _of(runs, Verdict.HELD)
    if held:
        return labelled(NOT_RUN if held.ruling is Ruling.REFUSE else HELD, held.reason)
    skipped = _of(runs, Verdict.SKIP_CI) or _of(runs, Verdict.DRAFT)
    return labelled(NOT_RUN, skipped.reason if skipped else "")


def _failed(runs: Sequence[Run]) -> str:
    broken = _of(runs, Verdict.CONFIG_BROKEN)
    if broken:
        files = tuple(dict.fromkeys(problem.file for problem in broken.problems)) or (".ci.yaml",)
        errors = count(len(broken.problems), "error")
        return f"{files[0]} has {errors}" if len(files) == 1 else f"{errors} in {len(files)} files"
    missing = _of(runs, Verdict.CONFIG_MISSING)
    if missing:
        return missing.reason[:1].upper() + missing.reason[1:] or CONFIG_MISSING
    jobs = _jobs(runs)
    bad = [job for job in jobs if job.status in _PAST and not job.tolerated]
    return _bad_jobs(bad, len(jobs)) if bad else NO_JOBS


def _bad_jobs(bad: Sequence[JobRun], total: int) -> str:
    statuses = {job.status for job in bad}
    names = listed([job.name for job in bad])
    if len(statuses) > 1:
        named = listed([f"{job.name} ({_PAST[job.status]})" for job in bad])
        return f"{len(bad)} of {count(total, 'job')} did not pass: {named}"
    (status,) = statuses
    reasons = {why_cancelled(job) for job in bad}
    if status is Status.CANCELLED and len(reasons) == 1:
        return labelled("Cancelled", reasons.pop() or names)
    if total == 1:
        return f"{_PAST[status].capitalize()}: {names}"
    if status is Status.BROKEN:
        return f"Infrastructure failure in {len(bad)} of {total} jobs: {names}"
    return f"{len(bad)} of {total} jobs {_PAST[status]}: {names}"
