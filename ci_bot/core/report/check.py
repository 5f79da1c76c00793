"""All runs of one commit → every check that the forge should show on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from ci_bot.core.gate import oldest_first
from ci_bot.core.model import JobRun, LogRef, Run
from ci_bot.core.report.aggregate import Link, aggregate
from ci_bot.core.report.job import job_check
from ci_bot.core.report.names import aggregate_name, check_names
from ci_bot.core.report.values import CheckReport
from ci_bot.core.states import Status
from ci_bot.core.words import has_failed

#: A run of more jobs gives their own checks only to those that need attention.
MANY_JOBS: Final = 30
_NO_NOTES: Final[Mapping[str, str]] = MappingProxyType({})


def checks(
    runs: Sequence[Run],
    tails: Mapping[LogRef, bytes],
    link: Link,
    prefix: str = "",
    why_waiting: str = "",
    notes: Mapping[str, str] = _NO_NOTES,
) -> tuple[CheckReport, ...]:
    """The gate first (where a run counts in it), then those of other kinds, then one for each job.

    `runs` are all of the commit's, in any order; `tails` what was read for `wanted_tails`, and
    `why_waiting` says why no ready job starts, if none does; `notes` are Markdown for the checks of
    attempts of jobs, by their ids. The same
    runs give the same checks, and a check that was shown unfinished is always among those given later.
    """
    aggregates: dict[str, list[Run]] = {}
    for run in sorted(oldest_first(runs), key=lambda run: not run.kind.is_gating):
        aggregates.setdefault(aggregate_name(run), []).append(run)
    names = check_names(runs)
    return (
        *(
            aggregate(name, its_runs, link, prefix, why_waiting)
            for name, its_runs in aggregates.items()
        ),
        *(
            job_check(
                names[run.id, job.key],
                job,
                _file(run, job),
                tails,
                link(run.id, job.id),
                notes.get(job.id, ""),
            )
            for run, job in _shown_jobs(runs, names)
        ),
    )


def _file(run: Run, job: JobRun) -> str:
    """The file that the job stands in: the first one, or one that it includes."""
    if run.plan is None:
        return ".ci.yaml"
    planned = next((each for each in run.plan.jobs if each.id == job.key), None)
    return (planned.file if planned else "") or run.plan.file


def _shown_jobs(runs: Sequence[Run], names: Mapping[tuple[str, str], str]) -> list[tuple[Run, JobRun]]:
    """One for each name: of a run that counts before a superseded one, then of the newest."""
    shown: dict[str, tuple[Run, JobRun]] = {}
    for run in sorted(oldest_first(runs), key=lambda run: not run.superseded):
        for job in run.jobs:
            if _has_own_check(run, job):
                shown[names[run.id, job.key]] = (run, job)
    order = list(names.values())
    return [shown[name] for name in dict.fromkeys(order) if name in shown]


def _has_own_check(run: Run, job: JobRun) -> bool:
    if job.attempt > 1:  # an earlier attempt may have one, and somebody waits for this
        return True
    if len(run.jobs) > MANY_JOBS:
        return has_failed(job)
    return job.started_at is not None or job.status is Status.RUNNING or has_failed(job)
