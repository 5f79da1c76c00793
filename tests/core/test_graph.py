"""Needs and attempts, without any database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.graph import ended_early, retried, settle
from ci_bot.core.model import JobRun
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Job, Plan
from ci_bot.core.states import Change, Status


def job(key: str, status: Status, *needs: str) -> JobRun:
    return JobRun(key, "run", key, key, 1, status, (), needs)


def planned(*jobs: JobRun) -> Plan:
    return Plan("", tuple(Job(each.key, each.name, (), each.needs) for each in jobs))


W, S, F, R = Status.WAITING, Status.SUCCEEDED, Status.FAILED, Status.RUNNING


def settled(*jobs: JobRun) -> dict[str, tuple[Change, str]]:
    return {one.job.key: (one.change, one.reason) for one in settle(jobs, planned(*jobs))}


def test_a_job_without_needs_is_released() -> None:
    assert settled(job("a", W)) == {"a": (Change.RELEASE, "")}


def test_a_job_waits_while_any_need_is_unfinished() -> None:
    assert settled(job("a", S), job("b", R), job("c", W, "a", "b")) == {}


def test_a_job_is_skipped_as_soon_as_one_need_cannot_succeed_any_more() -> None:
    jobs = (job("a", F), job("b", R), job("c", W, "a", "b"), job("d", W, "c"))
    assert settled(*jobs) == {
        "c": (Change.SKIP, 'needs "a", which failed'),
        "d": (Change.SKIP, 'needs "c", which was skipped'),
    }


@pytest.mark.parametrize("bad", [s for s in Status if s.is_bad])
def test_every_way_not_to_succeed_has_words(bad: Status) -> None:
    ((change, reason),) = settled(job("a", bad), job("b", W, "a")).values()
    assert change is Change.SKIP
    assert reason.startswith('needs "a", which ')


def test_only_what_failed_and_what_depends_on_it_is_retried() -> None:
    jobs = (job("a", S), job("b", F), job("c", Status.SKIPPED, "b"), job("d", S, "a"))
    assert retried(jobs) == ("b", "c")


def test_one_job_is_retried_with_what_depends_on_it() -> None:
    jobs = (job("a", S), job("b", S, "a"), job("c", S, "b"), job("d", F))
    assert retried(jobs, ["a"]) == ("a", "b", "c")


def test_everything_is_retried_where_everything_passed() -> None:
    assert retried((job("a", S), job("b", S, "a"))) == ("a", "b")


def test_everything_is_retried_where_that_is_asked_and_no_job_is_named() -> None:
    jobs = (job("a", S), job("b", F), job("c", S, "b"))
    assert retried(jobs, whole=True) == ("a", "b", "c")
    assert retried(jobs, ["b"], whole=True) == ("b", "c")


def test_what_still_runs_is_left_alone() -> None:
    assert retried((job("a", R), job("b", F))) == ("b",)
    assert retried((job("a", R),), ["a"]) == ()
    assert retried((replace(job("a", S)), job("b", R))) == ()


def test_what_its_condition_rules_out_is_skipped_at_once_and_says_why() -> None:
    jobs = (job("a", R), job("b", W, "a"))
    plan = Plan("", (Job("a", "a", ()), Job("b", "b", (), ("a",), skip="branch is not main")))
    (found,) = settle(jobs, plan)
    assert (found.change, found.reason, found.excluded) == (Change.SKIP, "branch is not main", True)


def test_an_optional_need_may_have_been_skipped_by_its_condition_but_by_nothing_else() -> None:
    excluded = replace(job("a", Status.SKIPPED), excluded=True)
    waits = replace(job("b", W, "a"), optional=("a",))
    assert settled(excluded, waits) == {"b": (Change.RELEASE, "")}
    assert settled(excluded, job("b", W, "a"))["b"] == (Change.SKIP, 'needs "a", which was skipped')
    assert settled(job("a", Status.SKIPPED), waits)["b"][0] is Change.SKIP
    assert settled(job("a", F), waits)["b"][0] is Change.SKIP


def test_a_need_that_may_fail_counts_as_passed() -> None:
    assert settled(replace(job("a", F), tolerated=True), job("b", W, "a")) == {
        "b": (Change.RELEASE, "")
    }


def test_of_a_matrix_all_cells_are_needed() -> None:
    cells = [replace(job(f"t({n})", S), group="t") for n in (1, 2)]
    assert settled(*cells, job("b", W, "t")) == {"b": (Change.RELEASE, "")}
    assert settled(cells[0], replace(cells[1], status=R), job("b", W, "t")) == {}
    bad = settled(cells[0], replace(cells[1], status=F), job("b", W, "t"))
    assert bad == {"b": (Change.SKIP, 'needs "t(2)", which failed')}


def test_what_needs_a_matrix_is_retried_with_any_cell_of_it() -> None:
    cells = [replace(job("t(1)", S), group="t"), replace(job("t(2)", F), group="t")]
    assert retried((*cells, job("b", Status.SKIPPED, "t"))) == ("t(2)", "b")


def test_what_was_ruled_out_by_its_condition_is_not_tried_again() -> None:
    excluded = replace(job("a", Status.SKIPPED), excluded=True)
    assert retried((excluded, job("b", F))) == ("b",)


def under(
    condition: str, *jobs: JobRun, needs: tuple[str, ...] = ("b",)
) -> list[tuple[Change, str, bool]]:
    """What becomes of "c", which needs "b" and has this condition."""
    every = (*jobs, job("c", W, *needs))
    plan = planned(*every)
    *others, last = plan.jobs
    plan = Plan("", (*others, replace(last, condition=condition)), facts=Facts(branch="dev"))
    return [(one.change, one.reason, one.excluded) for one in settle(every, plan) if one.job.key == "c"]


RELEASED = [(Change.RELEASE, "", False)]


def test_a_condition_without_status_functions_implies_that_all_needs_succeeded() -> None:
    condition = 'needs["b"].result == "success"'
    assert under(condition, job("b", S)) == RELEASED
    assert under(condition, job("b", R)) == []
    assert under(condition, job("b", F)) == [(Change.SKIP, 'needs "b", which failed', False)]


def test_a_condition_with_one_decides_alone_when_all_needs_have_ended() -> None:
    assert under("failure()", job("b", F)) == RELEASED
    assert under("always()", job("b", F)) == RELEASED
    assert under("always()", job("b", R)) == []
    nothing = "if: nothing before it failed"
    assert under("failure()", job("b", S)) == [(Change.SKIP, nothing, True)]
    assert under("cancelled()", job("b", Status.CANCELLED)) == RELEASED


def test_a_failure_is_seen_through_jobs_that_were_skipped_for_it() -> None:
    jobs = (job("a", F), job("b", Status.SKIPPED, "a"))
    assert under("failure()", *jobs) == RELEASED
    assert under('always() && needs["b"].result == "skipped"', *jobs) == RELEASED


def test_the_result_of_a_matrix_folds_its_cells() -> None:
    cells = [replace(job(f"b({n})", status), group="b") for n, status in enumerate((S, F))]
    assert under('always() && needs["b"].result == "failure"', *cells) == RELEASED


def test_a_condition_without_an_answer_fails_the_job() -> None:
    told = "if: 1 / 0 == 1 && always() has no answer: divide by zero"
    assert under("1 / 0 == 1 && always()", job("b", S)) == [(Change.FAIL, told, False)]


def test_what_an_allowed_failure_leaves_is_told_and_is_no_failure() -> None:
    allowed = replace(job("b", F), tolerated=True)
    assert under('needs["b"].result == "failure" && success() && !failure()', allowed) == RELEASED


def test_the_first_failure_of_a_hasty_matrix_ends_what_was_asked_for_before_it() -> None:
    failed = replace(job("t(1)", F), group="t", finished_at=5.0)
    running = replace(job("t(2)", R), group="t", created_at=1.0)
    again = replace(job("t(3)", R), group="t", created_at=9.0)
    jobs = (failed, running, again, job("other", R))
    hasty = Plan(
        "",
        tuple(
            Job(each.key, each.name, (), fail_fast=each.group == "t", group=each.group) for each in jobs
        ),
    )
    assert ended_early(jobs, hasty) == ((running, '"t(1)" failed, and the matrix is fail-fast'),)
    assert ended_early((replace(failed, tolerated=True), running), hasty) == ()
    assert ended_early(jobs, planned(*jobs)) == ()


def test_a_family_is_retried_by_its_name() -> None:
    cells = [replace(job(f"t({n})", S), group="t") for n in (1, 2)]
    assert retried((*cells, job("b", S)), ["t"]) == ("t(1)", "t(2)")
    assert retried((*cells, job("b", S)), ["t(2)"]) == ("t(2)",)
