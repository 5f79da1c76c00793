"""All runs of one commit → the deployments that the forge should show, and words where it shows none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ci_bot.core.convergence import Published
from ci_bot.core.markdown import code, escaped
from ci_bot.core.model import JobRun, Run
from ci_bot.core.planned import Job
from ci_bot.core.report.aggregate import Link
from ci_bot.core.report.values import DeploymentReport, DeploymentState
from ci_bot.core.states import Status
from ci_bot.core.trust import is_outsiders

_PREFIX: Final = "deployment/"
_DENIED: Final = "denied:"
REPLACED: Final = "another attempt took its place"
OUTSIDERS: Final = "somebody without write access wrote this commit"

_STATES: Final[Mapping[Status, DeploymentState]] = MappingProxyType(
    {
        Status.RUNNING: DeploymentState.IN_PROGRESS,
        Status.SUCCEEDED: DeploymentState.SUCCESS,
        Status.FAILED: DeploymentState.FAILURE,
        Status.TIMED_OUT: DeploymentState.FAILURE,
        Status.BROKEN: DeploymentState.ERROR,
        Status.CANCELLED: DeploymentState.ERROR,
    }
)


def deploys(runs: Sequence[Run]) -> bool:
    """Whether any job of them names an environment: mostly none does, and then there is nothing to ask."""
    return any(job.environment for run in runs for job in (run.plan.jobs if run.plan else ()))


def deployments(
    runs: Sequence[Run], known: Mapping[str, Published], link: Link
) -> tuple[tuple[DeploymentReport, Published], ...]:
    """What to send, with what is known of it: one for each attempt of a job that began.

    `known` are the subject's publications. An attempt that a later one replaced before its end was
    shown is made inactive, for its deployment would be in progress for ever.
    """
    wanted = {_name(job): _report(run, job, planned, link) for run, job, planned in _began(runs)}
    sent = [
        (report, known.get(name, Published(name)))
        for name, report in wanted.items()
        if not _is_done(known.get(name))
    ]
    left = [
        (DeploymentReport("", DeploymentState.INACTIVE, REPLACED, ""), each)
        for name, each in known.items()
        if name.startswith(_PREFIX) and name not in wanted and each.handle and not _is_done(each)
    ]
    return (*sent, *left)


def notes(runs: Sequence[Run], known: Mapping[str, Published]) -> Mapping[str, str]:
    """Id of a job's attempt → Markdown that says why the forge shows no deployment of it."""
    found: dict[str, str] = {}
    for run, job, planned in _deploying(runs):
        handle = known.get(_name(job), Published("")).handle or ""
        why = OUTSIDERS if _is_outsiders(run) else handle.removeprefix(_DENIED)
        if why != handle:
            found[job.id] = f"No deployment to {code(planned.environment)} is shown: {escaped(why)}."
    return found


def denied(published: Published, why: str) -> Published:
    """The forge does not let us show it: that is said in the job's check, and not tried again."""
    return replace(published, handle=f"{_DENIED}{why}", sent=True, accepted=_DENIED, is_final=True)


def _deploying(runs: Sequence[Run]) -> Iterator[tuple[Run, JobRun, Job]]:
    for run in runs:
        planned = {job.id: job for job in (run.plan.jobs if run.plan else ()) if job.environment}
        for job in run.jobs:
            if job.key in planned and job.started_at is not None and job.status in _STATES:
                yield run, job, planned[job.key]


def _began(runs: Sequence[Run]) -> Iterator[tuple[Run, JobRun, Job]]:
    return (each for each in _deploying(runs) if not _is_outsiders(each[0]))


def _is_outsiders(run: Run) -> bool:
    """Also where a person let it run, and what somebody who may write brings from a fork."""
    is_fork = run.plan is not None and run.plan.facts is not None and run.plan.facts.fork
    return is_fork or is_outsiders(run.ruling, run.vouchers)


def _name(job: JobRun) -> str:
    return f"{_PREFIX}{job.id}"


def _is_done(known: Published | None) -> bool:
    return known is not None and known.is_final


def _report(run: Run, job: JobRun, planned: Job, link: Link) -> DeploymentReport:
    attempt = f", attempt {job.attempt}" if job.attempt > 1 else ""
    return DeploymentReport(
        environment=planned.environment,
        state=_STATES[job.status],
        description=f"{job.name}{attempt}",
        log_url=link(run.id, job.id),
    )
