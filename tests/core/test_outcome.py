"""Exits, deadlines and the end of a job."""

from __future__ import annotations

import pytest

from ci_bot.core.model import Exit, ExitReason, JobRun, StepRun
from ci_bot.core.outcome import (
    Deadline,
    Outcome,
    StoppedBy,
    Took,
    duration,
    job_outcome,
    nearer,
    run_took,
    step_outcome,
)
from ci_bot.core.states import Change, Status

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
    whole = Deadline(1100, StoppedBy.JOB_TIMEOUT, "100s")
    assert nearer(whole, None, 1050) == whole
    assert nearer(whole, 30, 1050) == Deadline(1080, StoppedBy.STEP_TIMEOUT, "30s")
    assert nearer(whole, 30, 1090) == whole


def test_durations_are_written_as_in_the_file() -> None:
    assert [duration(s) for s in (90, 1800, 7200, 3600, 61)] == ["90s", "30m", "2h", "1h", "61s"]


def ended(id: str, status: Status, at: float | None, attempt: int = 1, asked: float = 0.0) -> JobRun:
    began = None if at is None else at - 1
    return JobRun(
        id, "r", id, id, attempt, status, (), created_at=asked, started_at=began, finished_at=at
    )


def test_a_run_is_measured_once_by_the_job_that_ended_last() -> None:
    jobs = [ended("a", Status.SUCCEEDED, 5.0), ended("b", Status.FAILED, 9.0)]
    assert run_took(jobs, "a") is None
    assert run_took(jobs, "b") == Took(Status.FAILED, 9.0)
    assert run_took([*jobs, ended("c", Status.RUNNING, None)], "b") is None


def test_of_jobs_that_end_together_one_measures() -> None:
    jobs = [ended("a", Status.SUCCEEDED, 5.0), ended("b", Status.SUCCEEDED, 5.0)]
    assert [run_took(jobs, id) is not None for id in ("a", "b")] == [False, True]


def test_another_attempt_is_measured_from_its_own_beginning() -> None:
    jobs = [ended("a", Status.SUCCEEDED, 5.0), ended("b2", Status.SUCCEEDED, 105.0, 2, 100.0)]
    assert run_took(jobs, "b2") == Took(Status.SUCCEEDED, 5.0)


def test_what_was_skipped_measures_nothing() -> None:
    jobs = [ended("a", Status.FAILED, 5.0), ended("b", Status.SKIPPED, None)]
    assert run_took(jobs, "a") == Took(Status.FAILED, 5.0)
    assert run_took([ended("b", Status.SKIPPED, None)], "b") is None
