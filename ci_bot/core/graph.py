"""Jobs and their needs: which waiting jobs may start, which never will, which are tried again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ci_bot.core.model import Job, JobRun
from ci_bot.core.states import Change, Status, job_after


@dataclass(frozen=True, slots=True)
class Settled:
    """A waiting job that need not wait any longer."""

    job: JobRun
    change: Change  # RELEASE or SKIP
    reason: str = ""


def settle(jobs: Sequence[JobRun]) -> tuple[Settled, ...]:
    """What follows for waiting jobs from the state of the jobs they need.

    `jobs` are the latest attempts of one run, needs first, so one pass is enough. A job is released
    when all it needs has succeeded, and skipped as soon as one of them cannot any more.
    """
    status = {job.key: job.status for job in jobs}
    settled = []
    for job in jobs:
        if job.status is not Status.WAITING:
            continue
        change = _change(job, status)
        if change is not None:
            settled.append(change)
            status[job.key] = job_after(job.status, change.change)
    return tuple(settled)


def _change(job: JobRun, status: dict[str, Status]) -> Settled | None:
    bad = [need for need in job.needs if status[need].is_bad]
    if bad:
        what = " and ".join(f'"{need}", {_PAST[status[need]]}' for need in bad)
        return Settled(job, Change.SKIP, f"needs {what}")
    if all(status[need] is Status.SUCCEEDED for need in job.needs):
        return Settled(job, Change.RELEASE)
    return None


_PAST = {
    Status.FAILED: "which failed",
    Status.TIMED_OUT: "which timed out",
    Status.CANCELLED: "which was cancelled",
    Status.SKIPPED: "which was skipped",
    Status.BROKEN: "which had an infrastructure failure",
}


def retried(
    jobs: Sequence[JobRun], keys: Collection[str] = (), *, whole: bool = False
) -> tuple[str, ...]:
    """The keys of the jobs that get a new attempt, needs first.

    `keys` names jobs; () means all that did not succeed, or simply all if every one did or `whole` is
    asked for. What depends on a retried job is retried with it. Unfinished jobs are left alone.
    """
    chosen = set(keys) or {job.key for job in jobs if job.status.is_bad}
    if not keys and (whole or (not chosen and all(job.status.is_final for job in jobs))):
        chosen = {job.key for job in jobs}
    for job in jobs:  # needs first: one pass reaches everything downstream
        if chosen.intersection(job.needs):
            chosen.add(job.key)
    return tuple(job.key for job in jobs if job.key in chosen and job.status.is_final)


def with_needs(keys: Collection[str], jobs: Sequence[Job]) -> tuple[Job, ...]:
    """These jobs of a plan and everything that they need, in the plan's order (needs first)."""
    wanted = set(keys)
    for job in reversed(jobs):  # from the end one pass is enough
        if job.id in wanted:
            wanted.update(job.needs)
    return tuple(job for job in jobs if job.id in wanted)
