"""How a job ended, and what is left of its attempts → the attempt that follows without anybody asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ci_bot.core.model import Cause, JobRun
from ci_bot.core.planned import Retry
from ci_bot.core.states import Status
from ci_bot.core.words import breaks, failed_step

#: Seconds before a job is tried again that the infrastructure failed: 10, 40, 160, then 300 each time.
FIRST_PAUSE: Final = 10.0
GROWTH: Final = 4
LONGEST_PAUSE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Again:
    """A new attempt of a job, `pause` seconds from now at the earliest."""

    cause: Cause
    pause: float = 0.0


def again(
    job: JobRun, retry: Retry | None, infrastructure_retries: int, *, may_pass: bool
) -> Again | None:
    """What follows a job's end; None where that is final.

    Its own failures and the infrastructure's are counted apart, each since somebody last asked for the
    job. `may_pass`: what the infrastructure did to it may be over a little later.
    """
    if job.status is Status.BROKEN:
        tried = breaks(job)
        if not may_pass or tried >= infrastructure_retries:
            return None
        return Again(Cause.INFRASTRUCTURE, min(FIRST_PAUSE * GROWTH**tried, LONGEST_PAUSE))
    used = sum(each.status is not Status.BROKEN for each in job.earlier)
    if retry is None or used >= retry.limit or not _is_worth_it(job, retry):
        return None
    return Again(Cause.RETRY)


def _is_worth_it(job: JobRun, retry: Retry) -> bool:
    """A job that ran out of time has no exit code of its own, nor has one that could not run as written."""
    if job.status is Status.TIMED_OUT:
        return not retry.on
    step = failed_step(job)
    if job.status is not Status.FAILED or step is None or step.exit_code is None:
        return False
    return not retry.on or step.exit_code in retry.on
