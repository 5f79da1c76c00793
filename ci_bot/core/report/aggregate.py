"""Runs of one commit → the check that speaks for all of them: `ci-bot`, or `ci-bot (tag)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from ci_bot.core.events import Button
from ci_bot.core.gate import CheckState, GateState, judge
from ci_bot.core.markdown import code, document, escaped, link, table, title
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.report.advice import heading, line_of_need, next_step, problem_list
from ci_bot.core.report.annotations import problem_annotations
from ci_bot.core.report.headline import NOTHING, SUPERSEDED, headline
from ci_bot.core.report.values import Action, CheckReport
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling
from ci_bot.core.words import (
    JOB_WORDS,
    attempt_words,
    elapsed,
    failed_step,
    has_failed,
    reason_of,
    why_cancelled,
)

#: (run id, job id or None for the whole run) → the address of its page.
Link: TypeAlias = Callable[[str, str | None], str]

MAX_PROBLEMS: Final = 100
WAITING: Final = ", waiting for room on the server's disk"

APPROVE: Final = Action("Approve & run", "Let exactly this commit run", Button.APPROVE)
RETRY_FAILED: Final = Action("Re-run failed", "Run again what did not pass", Button.RETRY_FAILED)
RETRY_ALL: Final = Action("Re-run all", "Run all jobs again", Button.RETRY_ALL)


def aggregate(
    name: str, runs: Sequence[Run], link_to: Link, prefix: str = "", why_waiting: str = ""
) -> CheckReport:
    """While jobs run it changes when one ends, and once when the first one starts."""
    gate = judge(runs)
    why = why_waiting if _is_ready(gate) else ""
    started_at = _started_at(gate.runs)
    return CheckReport(
        name=name,
        state=gate.state,
        conclusion=gate.conclusion,
        title=title((line_of_need(gate) or headline(gate)) + (WAITING if why else "")),
        summary=document(
            [_paused(why), *_late(gate), *_all_changed(gate), *_summary(gate, link_to, prefix)]
        ),
        details_url=link_to(gate.runs[-1].id, None),
        annotations=problem_annotations(gate.runs),
        actions=_actions(gate),
        started_at=started_at,
        finished_at=_finished_at(gate, started_at),
    )


def _paused(why: str) -> str:
    return f"⏸️ {escaped(why)}." if why else ""


def _late(gate: GateState) -> list[str]:
    """Of what a schedule started: that it is late, and why."""
    late = [run.reason for run in gate.runs if run.kind is RunKind.SCHEDULE and run.jobs and run.reason]
    return [f"⏰ {escaped(reason)}." for reason in late]


def _all_changed(gate: GateState) -> list[str]:
    """Of filters and conditions that could not tell which files changed, and so let everything run."""
    plans = [run.plan for run in gate.runs if run.jobs and run.plan is not None]
    reasons = dict.fromkeys(plan.all_changed for plan in plans if plan.all_changed)
    return [f"📂 Every path counts as changed: {escaped(reason)}." for reason in reasons]


def _is_ready(gate: GateState) -> bool:
    return any(job.status is Status.READY for run in gate.runs for job in run.jobs)


def _actions(gate: GateState) -> tuple[Action, ...]:
    """What can be done by pressing a button once the check is completed."""
    if gate.state is not CheckState.COMPLETED or gate.is_superseded:
        return ()
    held = [run for run in gate.runs if run.verdict is Verdict.HELD and run.ruling is Ruling.WAIT]
    if held:  # nobody can approve a schedule: it rests on whoever brought its file
        return () if held[0].kind is RunKind.SCHEDULE else (APPROVE,)
    jobs = [job for run in gate.runs for job in run.jobs]
    if not jobs:
        return ()
    bad = any(job.status.is_bad and job.status is not Status.SKIPPED for job in jobs)
    return (RETRY_FAILED, RETRY_ALL) if bad else (RETRY_ALL,)


def _started_at(runs: Sequence[Run]) -> float:
    """When the newest attempt was asked for, so that the forge shows no pause as working time."""
    jobs = [job for run in runs for job in run.jobs]
    newest = max((job.asked_as for job in jobs), default=1)
    if newest == 1:
        return min(run.created_at for run in runs)
    return min(job.asked_at for job in jobs if job.asked_as == newest)


def _finished_at(gate: GateState, started_at: float) -> float | None:
    if gate.state is not CheckState.COMPLETED:
        return None
    ends = [job.finished_at for run in gate.runs for job in run.jobs if job.finished_at is not None]
    return max([started_at, *ends])


def _summary(gate: GateState, link_to: Link, prefix: str) -> list[str]:
    """The title says already what a single run has to say in one sentence."""
    advice = next_step(gate, prefix)
    if len(gate.runs) == 1:
        (run,) = gate.runs
        return [_body(run, link_to), advice or ("" if run.jobs else _sentence(run))]
    blocks = []
    for run in gate.runs:
        blocks += [heading(run), _sentence(run), _body(run, link_to)]
    return [*blocks, advice]


def _sentence(run: Run) -> str:
    """Why it stands as it does, where no job says so."""
    if run.verdict is Verdict.PLANNED and not run.superseded:
        return ""
    shown = escaped(run.reason or (SUPERSEDED if run.superseded else NOTHING))
    return f"{shown[0].upper()}{shown[1:]}." if shown else ""


def _body(run: Run, link_to: Link) -> str:
    return _jobs(run, link_to) if run.jobs else problem_list(run, MAX_PROBLEMS)


def _jobs(run: Run, link_to: Link) -> str:
    """What needs a look stands first, the rest as `.ci.yaml` has it."""
    jobs = sorted(run.jobs, key=lambda job: not has_failed(job))
    rows = [
        (_name(run, job, link_to), JOB_WORDS[job.status], elapsed(job), _details(job)) for job in jobs
    ]
    return table(("Job", "Result", "Time", "Details"), rows)


def _name(run: Run, job: JobRun, link_to: Link) -> str:
    is_done = job.status.is_final and job.started_at is not None
    return link(code(job.name), link_to(run.id, job.id)) if is_done else code(job.name)


def _details(job: JobRun) -> str:
    return ", ".join(filter(None, [_what_happened(job), attempt_words(job)]))


def _what_happened(job: JobRun) -> str:
    if job.status is Status.READY and job.waits:
        return escaped(job.waits)
    if not job.status.is_final:
        return "after " + ", ".join(code(need) for need in job.needs) if job.needs else ""
    if job.status is Status.SUCCEEDED:
        return _tolerated(job)
    if job.status is Status.CANCELLED:
        return escaped(why_cancelled(job))
    return where_it_failed(job)


def where_it_failed(job: JobRun) -> str:
    step = failed_step(job)
    if step is None:
        return escaped(job.reason)
    why = f": {escaped(reason_of(step))}" if step.reason else ""
    return f"step {step.index + 1} of {len(job.steps)}, {code(step.name)}{why}"


def _tolerated(job: JobRun) -> str:
    names = [code(step.name) for step in job.steps if step.tolerated and has_failed(step)]
    return f"failed and tolerated: {', '.join(names[:3])}" if names else ""
