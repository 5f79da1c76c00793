"""Needs and attempts, without any database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.graph import retried, settle
from ci_bot.core.model import JobRun
from ci_bot.core.states import Change, Status


def job(key: str, status: Status, *needs: str) -> JobRun:
    return JobRun(key, "run", key, key, 1, status, (), needs)


W, S, F, R = Status.WAITING, Status.SUCCEEDED, Status.FAILED, Status.RUNNING


def settled(*jobs: JobRun) -> dict[str, tuple[Change, str]]:
    return {one.job.key: (one.change, one.reason) for one in settle(jobs)}


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
