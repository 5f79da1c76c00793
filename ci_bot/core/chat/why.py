"""`/why [job]`: how the current head stands, and why each job is as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from ci_bot.core.chat.asked import Asked, answered, keys_of, refused, unknown_jobs, usage
from ci_bot.core.decisions import Decision
from ci_bot.core.markdown import clip, code, escaped
from ci_bot.core.model import JobRun, Run, Verdict
from ci_bot.core.scheduling import due_words
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling
from ci_bot.core.words import JOB_WORDS, attempt_words, elapsed, failed_step, reason_of, why_cancelled

NAME: Final = "why"
USAGE: Final = "why [job]"
SUMMARY: Final = "say why a job, or all of them, stand as they do"
MOST_JOBS: Final = 30
MOST_TIMED: Final = 5

_VERDICTS: Final = {
    Verdict.NOTHING_TO_RUN: "Nothing is to be run",
    Verdict.CONFIG_BROKEN: "Nothing ran, because `.ci.yaml` has errors; the check lists them",
    Verdict.CONFIG_MISSING: "Nothing ran",
    Verdict.HELD: "It waits for approval",
    Verdict.SKIP_CI: "Nothing ran",
    Verdict.DRAFT: "Nothing ran",
}


def decide(args: Sequence[str], asked: Asked) -> Decision:
    timed = "" if args else _timed(asked)
    if not asked.runs:
        return answered(asked, "no run to explain", _joined(_no_run(asked), timed), NAME)
    wrong = unknown_jobs(args, keys_of(asked.runs))
    if wrong:
        return refused(asked, "no such job", wrong, NAME)
    parts = [_of_run(run, args, asked) for run in asked.runs]
    paused = f"{escaped(asked.why_waiting)}." if _wait_for_room(args, asked) else ""
    text = _joined(f"On {code(asked.sha[:7])}:", *parts, paused, timed)
    return answered(asked, "explains", text, NAME)


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


def _timed(asked: Asked) -> str:
    """What starts by itself, whatever becomes of this head."""
    if not asked.timed:
        return ""
    lines = [
        f"- {code(each.cron)} of {code(each.runs_on)}: {escaped(due_words(each))}"
        for each in asked.timed[:MOST_TIMED]
    ]
    rest = len(asked.timed) - MOST_TIMED
    more = [f"- and {rest} more"] if rest > 0 else []
    return "\n".join(["Schedules of the default branch's file:", "", *lines, *more])


def _wait_for_room(keys: Sequence[str], asked: Asked) -> bool:
    """Whether a job that is shown could start, were it not for what holds all new jobs back."""
    shown = [job for run in asked.runs for job in run.jobs if not keys or job.key in keys]
    return bool(asked.why_waiting) and any(job.status is Status.READY for job in shown)


def _no_run(asked: Asked) -> str:
    sha = code(asked.sha[:7])
    if asked.planned is None:
        return f"Neither {sha} nor its base has a `.ci.yaml`, so there is nothing to run."
    retry = code(usage(asked.prefix, "retry"))
    return f"No event about {sha} has come yet. {retry} starts it."


def _of_run(run: Run, keys: Sequence[str], asked: Asked) -> str:
    jobs = [job for job in run.jobs if not keys or job.is_named(keys)]
    if not run.jobs:
        return _verdict(run, asked)
    lines = [f"- {code(job.name)}: {explain(job, run, asked.why_waiting)}" for job in jobs[:MOST_JOBS]]
    rest = len(jobs) - MOST_JOBS
    return "\n".join([*lines, *([f"- and {rest} more"] if rest > 0 else [])])


def _verdict(run: Run, asked: Asked) -> str:
    words = _VERDICTS.get(run.verdict, "There are no jobs")
    reason = f": {escaped(run.reason)}" if run.reason else ""
    if run.verdict is Verdict.HELD and run.ruling is not Ruling.REFUSE:
        line = usage(asked.prefix, f"approve {run.sha}")
        return f"{words}{reason}. To let exactly this commit run:\n\n```\n{line}\n```"
    return f"{words}{reason}."


def explain(job: JobRun, run: Run, why_waiting: str = "") -> str:
    """One line of Markdown about how a job stands, and why."""
    return ", ".join(filter(None, [_state(job, run, why_waiting), attempt_words(job), _before(job)]))


def _before(job: JobRun) -> str:
    """Why it is tried again, while it is."""
    if not job.earlier or job.status.is_final:
        return ""
    return f"before: {escaped(clip(job.earlier[-1].reason, 300))}"


def _state(job: JobRun, run: Run, why_waiting: str) -> str:
    word = JOB_WORDS[job.status]
    if job.excluded:
        return f"⏭️ not run: {escaped(job.reason)}"
    match job.status:
        case Status.WAITING:
            return f"⏳ waits for {_needs(job, run)}"
        case Status.READY:
            if job.waits and not why_waiting:
                return f"⏳ {escaped(job.waits)}"
            room = "room on the server's disk" if why_waiting else "a free place"
            return f"⏳ may start{_from(job)}, and waits for {room}"
        case Status.RUNNING:
            return f"⏳ running, {_where(job)}"
        case Status.SUCCEEDED:
            return f"{word} in {elapsed(job)}" if elapsed(job) else word
        case Status.CANCELLED:
            return f"{word}: {escaped(why_cancelled(job))}"
        case _:
            return f"{word}: {_reason(job)}"


def _from(job: JobRun) -> str:
    """After a failure of the infrastructure there is a pause."""
    return f" from {datetime.fromtimestamp(job.due_at, UTC):%H:%M:%S} UTC on" if job.due_at else ""


def _needs(job: JobRun, run: Run) -> str:
    unfinished = {each.family for each in run.jobs if not each.status.is_final}
    waits = [need for need in job.needs if need in unfinished]
    return ", ".join(code(need) for need in waits) or "its turn"


def _where(job: JobRun) -> str:
    for step in job.steps:
        if step.status is Status.RUNNING:
            return f"step {step.index + 1} of {len(job.steps)}, {code(step.name)}"
    return "getting ready"


def _reason(job: JobRun) -> str:
    step = failed_step(job)
    if step is None:
        return escaped(job.reason) or "no reason is known"
    why = escaped(clip(reason_of(step), 300))
    return f"step {step.index + 1} of {len(job.steps)}, {code(step.name)}: {why}"
