"""Deliveries, runs, jobs and reports → spans of one trace for each run, by OpenTelemetry's names.

Every id follows from what is stored, so a trace goes on over a restart and needs no context to be kept.
https://opentelemetry.io/docs/specs/semconv/cicd/cicd-spans/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from ci_bot.core.model import JobRun, Run, RunKind, StepRun
from ci_bot.core.outcome import Took
from ci_bot.core.states import Status

Attributes: TypeAlias = Mapping[str, str | int]

WEBHOOK, DECIDE, RUN, JOB, STEP, PUBLISH = "webhook", "decide", "run", "job", "step", "publish"

_RESULTS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.SUCCEEDED: "success",
        Status.FAILED: "failure",
        Status.BROKEN: "error",
        Status.TIMED_OUT: "timeout",
        Status.CANCELLED: "cancellation",
        Status.SKIPPED: "skip",
    }
)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took from `start` to `end`, seconds since the epoch.

    `trace` is 16 bytes, `id` and `parent` are 8; b"" for no parent. `failure` says in words why it
    failed, "" if it did not. `is_entry`: it answers somebody outside.
    """

    trace: bytes
    id: bytes
    parent: bytes
    name: str
    start: float
    end: float
    attributes: Attributes
    failure: str = ""
    is_entry: bool = False


def trace_of(run_id: str) -> bytes:
    return _digest("trace", run_id, 16)


def of_decision(run: Run, delivery: str, received: float, began: float, ended: float) -> list[Span]:
    """The webhook that made a run, from its arrival to the decision, and the decision in it."""
    root = _id(WEBHOOK, run.id)
    about = {**_of_run(run), "ci_bot.delivery.id": delivery}
    decision = Span(trace_of(run.id), _id(DECIDE, run.id), root, DECIDE, began, ended, _of_run(run))
    webhook = Span(trace_of(run.id), root, b"", WEBHOOK, received, ended, about, is_entry=True)
    return [webhook, decision]


def of_run(run: Run, took: Took, ended: float) -> Span:
    """A run, or its newest attempt, which has ended."""
    attempt = _newest(run)
    about = {**_of_run(run), "cicd.pipeline.result": _RESULTS[took.result]}
    return Span(
        trace=trace_of(run.id),
        id=_run_id(run.id, attempt),
        parent=_id(WEBHOOK, run.id),
        name=f"RUN {_pipeline(run)}",
        start=ended - took.seconds,
        end=ended,
        attributes=about,
        failure="" if took.result in (Status.SUCCEEDED, Status.SKIPPED) else str(took.result),
    )


def of_job(run: Run, job: JobRun) -> list[Span]:
    """A job that has ended, and its steps that ran."""
    if job.started_at is None or job.finished_at is None:
        return []
    its_id = _id(JOB, job.id)
    spans = [
        Span(
            trace=trace_of(run.id),
            id=its_id,
            parent=_run_id(run.id, job.asked_as),
            name=job.name,
            start=job.started_at,
            end=job.finished_at,
            attributes={
                **_of_run(run),
                **_of_task(job.name, job.id, job.status),
                "ci_bot.job.attempt": job.attempt,
                "ci_bot.job.waited_ms": int(max(0.0, job.started_at - job.created_at) * 1000),
            },
            failure=_failure(job.status, job.reason),
        )
    ]
    return spans + [
        _of_step(run, job, step, its_id, step.started_at, step.finished_at)
        for step in job.steps
        if step.started_at is not None and step.finished_at is not None
    ]


def of_report(run: Run, name: str, state: str, began: float, ended: float) -> Span:
    """A check that was sent to the forge."""
    return Span(
        trace=trace_of(run.id),
        id=_digest(PUBLISH, f"{run.id}/{name}/{began!r}", 8),
        parent=_run_id(run.id, _newest(run)),
        name=PUBLISH,
        start=began,
        end=ended,
        attributes={**_of_run(run), "ci_bot.check.name": name, "ci_bot.check.state": state},
    )


def of_repository(span: Span, url: str) -> Span:
    """With the address of the repository that it is about."""
    return replace(span, attributes={**span.attributes, "vcs.repository.url.full": url})


def masked_span(span: Span, mask: Callable[[str], str]) -> Span:
    """Whatever people wrote may hold what the run was given."""
    return replace(
        span,
        name=mask(span.name),
        failure=mask(span.failure),
        attributes={
            name: mask(value) if isinstance(value, str) else value
            for name, value in span.attributes.items()
        },
    )


def _of_step(run: Run, job: JobRun, step: StepRun, parent: bytes, start: float, end: float) -> Span:
    key = f"{job.id}/{step.index}/{step.generation}"
    attributes: dict[str, str | int] = {**_of_run(run), **_of_task(step.name, key, step.status)}
    if step.exit_code is not None:
        attributes["process.exit.code"] = step.exit_code
    return Span(
        trace=trace_of(run.id),
        id=_id(STEP, key),
        parent=parent,
        name=step.name,
        start=start,
        end=end,
        attributes=attributes,
        failure="" if step.tolerated else _failure(step.status, step.reason),
    )


def _of_run(run: Run) -> dict[str, str | int]:
    owner, _, name = run.repo.name.rpartition("/")
    about: dict[str, str | int] = {
        "cicd.pipeline.name": _pipeline(run),
        "cicd.pipeline.run.id": run.id,
        "cicd.pipeline.action.name": "RUN",
        "vcs.provider.name": run.repo.forge,
        "vcs.owner.name": owner,
        "vcs.repository.name": name,
        "vcs.ref.head.name": run.ref,
        "vcs.ref.head.type": "tag" if run.kind is RunKind.TAG else "branch",
        "vcs.ref.head.revision": run.sha,
    }
    if run.pull is not None:
        about |= {"vcs.change.id": str(run.pull), "vcs.ref.base.name": run.base_ref}
        about |= {"vcs.ref.base.revision": run.base_sha, "vcs.change.title": run.title}
    return about


def _of_task(name: str, id: str, status: Status) -> dict[str, str | int]:
    return {
        "cicd.pipeline.task.name": name,
        "cicd.pipeline.task.run.id": id,
        "cicd.pipeline.task.run.result": _RESULTS[status],
    }


def _pipeline(run: Run) -> str:
    return (run.plan.name if run.plan else "") or run.repo.name


def _failure(status: Status, reason: str) -> str:
    is_good = status in (Status.SUCCEEDED, Status.SKIPPED)
    return "" if is_good else (reason or str(status))


def _newest(run: Run) -> int:
    """Attempts that ci-bot makes by itself belong to what somebody asked for."""
    return max((job.asked_as for job in run.jobs), default=1)


def _run_id(run_id: str, attempt: int) -> bytes:
    return _id(RUN, f"{run_id}/{attempt}")


def _id(kind: str, key: str) -> bytes:
    return _digest(kind, key, 8)


def _digest(kind: str, key: str, size: int) -> bytes:
    return hashlib.sha256(f"{kind}:{key}".encode()).digest()[:size]
