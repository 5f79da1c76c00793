"""Which ends of a job are followed by another attempt, and what is said of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.model import Cause, Earlier, JobRun, StepRun
from ci_bot.core.planned import Retry
from ci_bot.core.retrying import Again, again
from ci_bot.core.states import Status
from ci_bot.core.words import attempt_words

RETRY = Again(Cause.RETRY)


def ended(status: Status = Status.FAILED, code: int | None = 1, *before: Status) -> JobRun:
    """A job that ended so, and the attempts that ended so before it."""
    causes = [Cause.FIRST, *(caused(each) for each in before)]
    earlier = tuple(
        Earlier(number + 1, causes[number], each, "why", float(number))
        for number, each in enumerate(before)
    )
    step = StepRun(0, "make", status, exit_code=code)
    return JobRun(
        "j", "r", "test", "test", len(before) + 1, status, (step,), cause=causes[-1], earlier=earlier
    )


def caused(end: Status) -> Cause:
    return Cause.INFRASTRUCTURE if end is Status.BROKEN else Cause.RETRY


@pytest.mark.parametrize(
    ("job", "retry", "then"),
    [
        (ended(), None, None),
        (ended(), Retry(0), None),
        (ended(), Retry(1), RETRY),
        (ended(Status.FAILED, 1, Status.FAILED), Retry(1), None),
        (ended(Status.FAILED, 1, Status.FAILED), Retry(2), RETRY),
        (ended(Status.FAILED, 1, Status.BROKEN, Status.BROKEN), Retry(1), RETRY),
        (ended(Status.FAILED, 75), Retry(1, (75, 76)), RETRY),
        (ended(Status.FAILED, 1), Retry(1, (75,)), None),
        (ended(Status.FAILED, None), Retry(1), None),
        (ended(Status.TIMED_OUT, 137), Retry(1), RETRY),
        (ended(Status.TIMED_OUT, 137), Retry(1, (137,)), None),
        (ended(Status.CANCELLED, 137), Retry(1), None),
        (ended(Status.SUCCEEDED, 0), Retry(1), None),
    ],
)
def test_a_job_that_failed_by_itself(job: JobRun, retry: Retry | None, then: Again | None) -> None:
    assert again(job, retry, 2, may_pass=True) == then


def test_what_the_infrastructure_failed_is_tried_again_after_pauses_that_grow() -> None:
    broken = Status.BROKEN
    pauses = []
    for before in range(5):
        new = again(ended(broken, None, *[broken] * before), None, 4, may_pass=True)
        pauses.append(new.pause if new else None)
    assert pauses == [10, 40, 160, 300, None]


def test_the_jobs_own_failures_and_the_infrastructures_are_counted_apart() -> None:
    job = ended(Status.BROKEN, None, Status.FAILED, Status.FAILED)
    assert again(job, Retry(2), 1, may_pass=True) == Again(Cause.INFRASTRUCTURE, 10.0)


def test_what_cannot_pass_is_not_tried_again() -> None:
    assert again(ended(Status.BROKEN, None), Retry(3), 2, may_pass=False) is None


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (ended(), ""),
        (replace(ended(), attempt=4, cause=Cause.PERSON), "attempt 4"),
        (ended(Status.FAILED, 1, Status.FAILED), "attempt 2 of 3"),
        (ended(Status.SUCCEEDED, 0, Status.BROKEN), "tried again once after infrastructure failures"),
        (
            ended(Status.RUNNING, None, Status.FAILED, Status.BROKEN, Status.BROKEN, Status.FAILED),
            "attempt 3 of 3, tried again 2 times after infrastructure failures",
        ),
    ],
)
def test_which_attempt_it_is_in_words(job: JobRun, words: str) -> None:
    assert attempt_words(replace(job, retries=2)) == words
