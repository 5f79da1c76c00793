"""Exits, deadlines and the end of a job."""

from __future__ import annotations

import pytest

from ci_bot.core.model import Exit, ExitReason, StepRun
from ci_bot.core.outcome import (
    Deadline,
    Outcome,
    StoppedBy,
    deadline,
    duration,
    job_outcome,
    step_outcome,
)
from ci_bot.core.states import Change, Status
from tests.make import job

STOPPED = Exit(137, ExitReason.STOPPED)


def test_exit_zero_succeeds_and_any_other_code_fails_with_words() -> None:
    assert step_outcome(Exit(0), None, "") == Outcome(Change.SUCCEED)
    assert step_outcome(Exit(2), None, "") == Outcome(Change.FAIL, "exit code 2")
    out = Exit(137, ExitReason.OUT_OF_MEMORY, "out of memory (limit 512 MiB)")
    assert step_outcome(out, None, "") == Outcome(Change.FAIL, "out of memory (limit 512 MiB)")


def test_what_we_stopped_is_told_by_why_we_stopped_it() -> None:
    assert step_outcome(STOPPED, StoppedBy.STEP_TIMEOUT, "5m") == Outcome(
        Change.TIME_OUT, "timed out: its limit is 5m"
    )
    assert (
        step_outcome(STOPPED, StoppedBy.JOB_TIMEOUT, "1h").reason == "timed out: the job's limit is 1h"
    )
    assert step_outcome(STOPPED, StoppedBy.PERSON, "superseded") == Outcome(Change.CANCEL, "superseded")


def test_a_step_that_ended_just_before_it_was_stopped_keeps_its_own_exit() -> None:
    assert step_outcome(Exit(0), StoppedBy.PERSON, "x").change is Change.SUCCEED


def step(index: int, status: Status, *, tolerated: bool = False) -> StepRun:
    return StepRun(index, f"s{index}", status, reason="why", tolerated=tolerated)


def test_a_job_goes_on_until_a_step_fails_that_may_not() -> None:
    assert job_outcome([step(0, Status.SUCCEEDED), step(1, Status.WAITING)]) is None
    assert job_outcome([step(0, Status.FAILED, tolerated=True), step(1, Status.WAITING)]) is None
    assert job_outcome([step(0, Status.FAILED, tolerated=True)]) == Outcome(Change.SUCCEED)
    assert job_outcome([step(0, Status.FAILED), step(1, Status.WAITING)]) == Outcome(
        Change.FAIL, 'step "s0": why'
    )


@pytest.mark.parametrize("status", [Status.TIMED_OUT, Status.CANCELLED, Status.BROKEN])
def test_continue_on_error_tolerates_failures_alone(status: Status) -> None:
    ended = job_outcome([step(0, status, tolerated=True), step(1, Status.WAITING)])
    assert ended is not None
    assert ended.change is not Change.SUCCEED


def test_the_nearer_limit_counts() -> None:
    from dataclasses import replace

    plain = job("a", timeout=100)
    own = replace(plain, steps=(replace(plain.steps[0], timeout=30),))
    assert deadline(plain, 0, 1000, 1050) == Deadline(1100, StoppedBy.JOB_TIMEOUT, "100s")
    assert deadline(own, 0, 1000, 1050) == Deadline(1080, StoppedBy.STEP_TIMEOUT, "30s")
    assert deadline(own, 0, 1000, 1090).by is StoppedBy.JOB_TIMEOUT


def test_durations_are_written_as_in_the_file() -> None:
    assert [duration(s) for s in (90, 1800, 7200, 3600, 61)] == ["90s", "30m", "2h", "1h", "61s"]
