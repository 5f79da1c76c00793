"""Jobs and their needs: which waiting jobs may start, which never will, which are tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.conditions import Before, Values, asks_status, evaluate, why_failed, why_not
from ci_bot.core.model import JobRun
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Job, Plan
from ci_bot.core.states import Change, Status, fold, job_after

MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Settled:
    """A waiting job that need not wait any longer."""

    job: JobRun
    change: Change  # RELEASE, SKIP, or FAIL where its condition has no answer
    reason: str = ""
    excluded: bool = False  # skipped by its own condition


def settle(jobs: Sequence[JobRun], plan: Plan) -> tuple[Settled, ...]:
    """What follows for waiting jobs from the plan and from the state of the jobs they need.

    `jobs` are the latest attempts of one run, needs first, so one pass is enough. A job is released
    when all it needs has succeeded, and skipped as soon as one of them cannot any more, or when its
    own condition does not hold. Where that asks how they went, it alone decides, when all have ended.
    """
    facts = plan.facts or Facts()
    planned = {job.id: job for job in plan.jobs}
    families: dict[str, list[JobRun]] = {}
    settled = []
    for job in jobs:
        now = job
        if job.status is Status.WAITING:
            change = _change(job, planned[job.key], families, facts)
            if change is not None:
                settled.append(change)
                status = job_after(job.status, change.change)
                now = replace(job, status=status, excluded=change.excluded)
        families.setdefault(job.family, []).append(now)
    return tuple(settled)


def _change(
    job: JobRun, planned: Job, families: Mapping[str, Sequence[JobRun]], facts: Facts
) -> Settled | None:
    if planned.skip:
        return Settled(job, Change.SKIP, planned.skip, excluded=True)
    needed = [(need, cell) for need in job.needs for cell in families[need]]
    bad = [(need, cell) for need, cell in needed if _rules_out(need, cell, job)]
    if bad and not asks_status(planned.condition):
        what = " and ".join(f'"{cell.name}", {_PAST[cell.status]}' for _, cell in bad[:MOST_NAMED])
        more = f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        return Settled(job, Change.SKIP, f"needs {what}{more}")
    if not all(cell.status.is_final for _, cell in needed):
        return None
    if not planned.condition:
        return Settled(job, Change.RELEASE)
    upstream = _upstream(job, families)
    before = Before(
        results=results(families),
        succeeded=not bad,
        failed=any(cell.is_bad and cell.status in _FAILED for cell in upstream),
        cancelled=any(cell.is_bad and cell.status is Status.CANCELLED for cell in upstream),
    )
    return _by_condition(job, planned.condition, Values(facts, planned.matrix, before))


def _by_condition(job: JobRun, condition: str, values: Values) -> Settled:
    answer = evaluate(condition, values)
    if answer.error:
        return Settled(job, Change.FAIL, why_failed(answer.error, condition))
    if not answer.holds:
        return Settled(job, Change.SKIP, why_not(condition, values), excluded=True)
    return Settled(job, Change.RELEASE)


def results(families: Mapping[str, Sequence[JobRun]]) -> dict[str, str]:
    """What conditions call the result of each job that has ended: that of a matrix folds its cells."""
    folded = {name: fold(cell.status for cell in cells) for name, cells in families.items()}
    return {name: _RESULTS[status] for name, status in folded.items() if status.is_final}


def _upstream(job: JobRun, families: Mapping[str, Sequence[JobRun]]) -> list[JobRun]:
    """All that it needs, and what those need: a job that was skipped hides what failed before it."""
    found: dict[str, JobRun] = {}
    names = list(job.needs)
    while names:
        for cell in families[names.pop()]:
            if cell.key not in found:
                found[cell.key] = cell
                names.extend(cell.needs)
    return list(found.values())


def _rules_out(need: str, cell: JobRun, job: JobRun) -> bool:
    return cell.is_bad and not (cell.excluded and need in job.optional)


_FAILED: Final = frozenset({Status.FAILED, Status.TIMED_OUT, Status.BROKEN})

#: The words of `ci_bot.core.conditions.language.RESULTS`.
_RESULTS: Final = {
    Status.SUCCEEDED: "success",
    Status.FAILED: "failure",
    Status.TIMED_OUT: "failure",
    Status.BROKEN: "failure",
    Status.CANCELLED: "cancelled",
    Status.SKIPPED: "skipped",
}
_PAST = {
    Status.FAILED: "which failed",
    Status.TIMED_OUT: "which timed out",
    Status.CANCELLED: "which was cancelled",
    Status.SKIPPED: "which was skipped",
    Status.BROKEN: "which had an infrastructure failure",
}


def ended_early(jobs: Sequence[JobRun], plan: Plan) -> tuple[tuple[JobRun, str], ...]:
    """Cells that end because another cell of their matrix failed and the matrix is `fail-fast`: each with
    the reason.

    What was asked for after that failure (a retry of one cell) is not touched by it.
    """
    hasty = {job.family for job in plan.jobs if job.fail_fast}
    if not hasty:
        return ()
    first: dict[str, JobRun] = {}
    for job in jobs:
        if job.family in hasty and job.status in _FAILURES and job.is_bad:
            known = first.setdefault(job.family, job)
            first[job.family] = min(known, job, key=lambda each: each.finished_at or 0.0)
    return tuple(
        (job, f'"{cause.name}" {_VERB[cause.status]}, and the matrix is fail-fast')
        for job in jobs
        if not job.status.is_final
        and (cause := first.get(job.family)) is not None
        and job.created_at < (cause.finished_at or 0.0)
    )


_VERB = {
    Status.FAILED: "failed",
    Status.TIMED_OUT: "timed out",
    Status.BROKEN: "had an infrastructure failure",
}
_FAILURES: Final = frozenset(_VERB)


def retried(
    jobs: Sequence[JobRun], keys: Collection[str] = (), *, whole: bool = False
) -> tuple[str, ...]:
    """The keys of the jobs that get a new attempt, needs first.

    `keys` names jobs, or families of cells; () means all that did not succeed, or simply all if every one did or `whole` is
    asked for. What depends on a retried job is retried with it. Unfinished jobs are left alone.
    """
    chosen = {job.key for job in jobs if job.is_named(keys)}
    if not keys:
        chosen = {job.key for job in jobs if job.status.is_bad and not job.excluded}
    if not keys and (whole or (not chosen and all(job.status.is_final for job in jobs))):
        chosen = {job.key for job in jobs}
    families = {job.family for job in jobs if job.key in chosen}
    for job in jobs:  # needs first: one pass reaches everything downstream
        if families.intersection(job.needs):
            chosen.add(job.key)
            families.add(job.family)
    return tuple(job.key for job in jobs if job.key in chosen and job.status.is_final)


def with_needs(keys: Collection[str], jobs: Sequence[Job]) -> tuple[Job, ...]:
    """These jobs of a plan (or families of cells) and everything that they need, in the plan's order (needs first)."""
    wanted, families = set(keys), set[str]()
    for job in reversed(jobs):  # from the end one pass is enough
        if job.is_named(keys) or job.family in families:
            wanted.add(job.id)
            families.update(job.needs)
    return tuple(job for job in jobs if job.id in wanted)
