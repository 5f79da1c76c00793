"""Statuses, durations, counts and sizes in the words that people read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ci_bot.core.model import Cause, JobRun, StepRun, Usage
from ci_bot.core.states import Status

#: An icon never stands alone. What waits, is ready or runs reads alike, so that a summary changes when
#: a job ends and not each time that one starts.
JOB_WORDS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.WAITING: "⏳ pending",
        Status.READY: "⏳ pending",
        Status.RUNNING: "⏳ pending",
        Status.SUCCEEDED: "✅ passed",
        Status.FAILED: "❌ failed",
        Status.TIMED_OUT: "⏱️ timed out",
        Status.CANCELLED: "🚫 cancelled",
        Status.SKIPPED: "⏭️ skipped",
        Status.BROKEN: "⚠️ infrastructure failure",
    }
)

_DID_NOT_WORK: Final = frozenset({Status.FAILED, Status.TIMED_OUT, Status.BROKEN})


def step_word(step: StepRun) -> str:
    if step.status is Status.SKIPPED or (step.status is Status.CANCELLED and not step.started_at):
        return "⏭️ not run"
    if step.tolerated and has_failed(step):
        return "⚠️ failed, tolerated"
    return JOB_WORDS[step.status]


def has_failed(one: JobRun | StepRun) -> bool:
    """Failed by itself, timed out, or failed by the infrastructure; not cancelled."""
    return one.status in _DID_NOT_WORK


def failed_step(job: JobRun) -> StepRun | None:
    """The step that failed the job, if it was a step."""
    return next((step for step in job.steps if has_failed(step) and not step.tolerated), None)


def reason_of(step: StepRun) -> str:
    """Why it ended so, where the word for how it ended stands beside it."""
    return step.reason.removeprefix("timed out: ")


def attempt_words(job: JobRun) -> str:
    """Which attempt it is and how that came about, "" for the first.

    "attempt 2 of 3" counts what the job's own `retry` allows, for which the infrastructure's failures
    do not count: they stand beside it.
    """
    causes = [*(each.cause for each in job.earlier), job.cause]
    own = causes.count(Cause.RETRY)
    words = []
    if own:
        words.append(f"attempt {own + 1} of {max(job.retries, own) + 1}")
    elif job.asked_as > 1:
        words.append(f"attempt {job.asked_as}")
    return ", ".join(filter(None, [*words, tried_again(job)]))


def tried_again(job: JobRun) -> str:
    """What the infrastructure cost, "" for nothing."""
    return f"tried again {times(breaks(job))} after infrastructure failures" if breaks(job) else ""


def breaks(job: JobRun) -> int:
    """How often the infrastructure failed it before this attempt, since somebody asked for it."""
    return sum(each.status is Status.BROKEN for each in job.earlier)


def times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def why_cancelled(job: JobRun) -> str:
    """The reason as it was given, without the step that it happened to hit."""
    hit = (step.reason for step in job.steps if step.status is Status.CANCELLED and step.reason)
    return next(hit, job.reason)


def elapsed(one: JobRun | StepRun) -> str:
    """How long it took, "" where it did not start or has not ended."""
    if one.started_at is None or one.finished_at is None:
        return ""
    return duration(one.finished_at - one.started_at)


def duration(seconds: float) -> str:
    """0.3 s, 14 s, 2 min 5 s, 1 h 2 min. A clock that was set back counts as no time."""
    if seconds < 0.95:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    return _two(whole // 3600, "h", whole % 3600 // 60, "min")


def _two(large: int, unit: str, small: int, sub_unit: str) -> str:
    return f"{large} {unit} {small} {sub_unit}" if small else f"{large} {unit}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: int) -> str:
    """Bytes in words: 310 bytes, 12 kB, 1.2 MB."""
    if number < 1000:
        return count(number, "byte")
    if number < 1_000_000:
        return f"{number / 1000:.0f} kB"
    return f"{number / 1_000_000:,.1f} MB"


def memory_words(usage: Usage | None) -> str:
    """The most at one time, "84.0 MB"; "" where it is not known."""
    return "" if usage is None or usage.memory is None else size(usage.memory)


def cpu_words(usage: Usage | None) -> str:
    """Of all processors together, "3.2 s"; "" where it is not known."""
    if usage is None or usage.cpu is None:
        return ""
    cpu = usage.cpu
    return f"{cpu:.2f} s" if cpu < 0.95 else f"{cpu:.1f} s" if cpu < 60 else duration(cpu)


def labelled(label: str, reason: str) -> str:
    """ "Cancelled: the reason", without saying twice what the reason already begins with."""
    if not reason:
        return label
    if reason.lower().startswith(label.lower()):
        return label + reason[len(label) :]
    return f"{label}: {reason}"


def listed(names: list[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
