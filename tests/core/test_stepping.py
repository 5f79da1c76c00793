"""Which step is next, as far as the stored ones say it."""

from __future__ import annotations

from dataclasses import replace

from ci_bot.core.conditions import Before, Values
from ci_bot.core.model import StepRun
from ci_bot.core.occasion import Facts
from ci_bot.core.outcome import Outcome, StoppedBy
from ci_bot.core.planned import Job, Step
from ci_bot.core.states import Change, Status
from ci_bot.core.stepping import GRACE, NO_TIME, Next, likely_next, limit, next_step

S, F, T, C, X, W, R = (
    Status.SUCCEEDED,
    Status.FAILED,
    Status.TIMED_OUT,
    Status.CANCELLED,
    Status.SKIPPED,
    Status.WAITING,
    Status.RUNNING,
)
VALUES = Values(Facts(event="push", branch="dev"), before=Before({"build": "success"}))
GONE = "superseded by bbbbbbb"


def job_of(*conditions: str, timeout: int = 600) -> Job:
    steps = tuple(Step(f"s{n}", "x", "img", condition=text) for n, text in enumerate(conditions))
    return Job("j", "j", steps, timeout=timeout)


def stand(*statuses: Status, ended: float = 100.0, tolerated: bool = False) -> list[StepRun]:
    return [
        StepRun(
            index,
            f"s{index}",
            status,
            finished_at=ended + index if status.is_final else None,
            reason="why" if status.is_final else "",
            tolerated=tolerated,
        )
        for index, status in enumerate(statuses)
    ]


def after(
    job: Job, *statuses: Status, cancelled: str = "", now: float = 110.0, **more: bool
) -> Next | None:
    return next_step(job, stand(*statuses, **more), VALUES, cancelled, now)


def test_steps_run_in_order_and_skip_what_does_not_hold() -> None:
    job = job_of("", 'branch == "main"', 'needs["build"].result == "success"')
    assert after(job, W, W, W) == Next(0)
    skipped = Outcome(Change.SKIP, 'if: branch is "dev", not "main"')
    assert after(job, S, W, W) == Next(1, skipped)
    assert after(job, S, X, W) == Next(2)
    assert after(job, S, X, S) is None


def test_after_a_failure_only_those_run_that_ask_for_it() -> None:
    job = job_of("", "", 'branch == "dev"', "failure()", "always()", "success()", "cancelled()")
    assert after(job, F, W, W, W, W, W, W) == Next(1, Outcome(Change.SKIP))
    assert after(job, F, X, W, W, W, W, W) == Next(2, Outcome(Change.SKIP))
    assert after(job, F, X, X, W, W, W, W) == Next(3)
    assert after(job, F, X, X, S, W, W, W) == Next(4)
    said = Outcome(Change.SKIP, "if: something before it did not succeed")
    assert after(job, F, X, X, S, S, W, W) == Next(5, said)
    none = Outcome(Change.SKIP, "if: nothing before it was cancelled")
    assert after(job, F, X, X, S, S, X, W) == Next(6, none)


def test_where_nobody_asks_for_it_the_job_ends_at_once() -> None:
    assert after(job_of("", "", "success()"), F, W, W) is None
    assert after(job_of("", "", "success()"), Status.BROKEN, W, W) is None


def test_after_an_infrastructure_failure_the_same_run_as_after_any_other() -> None:
    """If the engine does not answer any more, they end as that step did."""
    job = job_of("", "", "failure()", "always()", "cancelled()")
    broken = Status.BROKEN
    assert after(job, broken, W, W, W, W) == Next(1, Outcome(Change.SKIP))
    assert after(job, broken, X, W, W, W) == Next(2)
    assert after(job, broken, X, broken, W, W) == Next(3)
    none = Outcome(Change.SKIP, "if: nothing before it was cancelled")
    assert after(job, broken, X, broken, S, W) == Next(4, none)


def test_a_timeout_is_a_failure_and_a_tolerated_failure_is_none() -> None:
    job = job_of("", "failure()")
    assert after(job, T, W) == Next(1)
    assert after(job, F, W, tolerated=True) == Next(
        1, Outcome(Change.SKIP, "if: nothing before it failed")
    )


def test_after_a_cancel_those_run_that_ask_for_it_and_the_rest_is_cancelled() -> None:
    job = job_of("", "", "failure()", "cancelled()")
    assert after(job, S, W, W, W, cancelled=GONE) == Next(1, Outcome(Change.CANCEL, GONE), True)
    assert after(job, S, C, W, W, cancelled=GONE) == Next(
        2, Outcome(Change.SKIP, "if: nothing before it failed"), True
    )
    assert after(job, S, C, X, W, cancelled=GONE) == Next(3, after_cancel=True)


def test_a_condition_without_an_answer_fails_its_step() -> None:
    told = "if: 1 / 0 == 1 has no answer: divide by zero"
    assert after(job_of("1 / 0 == 1"), W) == Next(0, Outcome(Change.FAIL, told))


def test_a_running_step_is_taken_up_and_goes_on_after_a_cancel_only_if_it_asks_for_it() -> None:
    job = job_of("", "always()")
    assert after(job, R, W, cancelled=GONE) == Next(0)
    assert after(job, C, R, cancelled=GONE) == Next(1, after_cancel=True)
    assert after(job, F, R) == Next(1)


def test_what_runs_after_the_end_has_a_bounded_time() -> None:
    job = job_of("", "always()")
    assert after(job, C, W, cancelled=GONE, now=100 + GRACE) == Next(1, Outcome(Change.SKIP, NO_TIME))
    found = limit(job, stand(C, W), 1, 0, 120, after_cancel=True)
    assert (found.at, found.by, found.words) == (100 + GRACE, StoppedBy.GRACE, "5m")


def test_after_a_failure_the_jobs_own_time_counts_if_it_is_more() -> None:
    steps = stand(F, W)
    assert limit(job_of("", "always()", timeout=600), steps, 1, 0, 120, after_cancel=False).at == 600
    late = limit(job_of("", "always()", timeout=100), stand(T, W), 1, 0, 101, after_cancel=False)
    assert (late.at, late.by) == (100 + GRACE, StoppedBy.GRACE)


def test_a_steps_own_limit_counts_where_it_is_nearer() -> None:
    job = job_of("", "always()")
    own = replace(job, steps=(job.steps[0], replace(job.steps[1], timeout=7)))
    found = limit(own, stand(C, W), 1, 0, 120, after_cancel=True)
    assert (found.at, found.by) == (127, StoppedBy.STEP_TIMEOUT)
    ordinary = limit(job_of("", ""), stand(S, W), 1, 0, 120, after_cancel=False)
    assert (ordinary.at, ordinary.by) == (600, StoppedBy.JOB_TIMEOUT)


def test_what_is_prepared_is_what_runs_if_all_goes_well() -> None:
    job = job_of("", "failure()", 'branch == "main"', "always()")
    assert likely_next(job, stand(R, W, W, W), 0, VALUES, 110) == 3
    assert likely_next(job, stand(S, X, X, R), 3, VALUES, 110) is None
