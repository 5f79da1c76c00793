"""The table of changes, entry by entry, and how statuses fold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.states import Change, IllegalChange, Status, fold, job_after, step_after

ENDS = {
    Change.SUCCEED: Status.SUCCEEDED,
    Change.FAIL: Status.FAILED,
    Change.TIME_OUT: Status.TIMED_OUT,
    Change.CANCEL: Status.CANCELLED,
    Change.BREAK: Status.BROKEN,
}
JOB = {
    (Status.WAITING, Change.RELEASE): Status.READY,
    (Status.WAITING, Change.SKIP): Status.SKIPPED,
    (Status.WAITING, Change.CANCEL): Status.CANCELLED,
    (Status.WAITING, Change.FAIL): Status.FAILED,
    (Status.READY, Change.START): Status.RUNNING,
    (Status.READY, Change.CANCEL): Status.CANCELLED,
    **{(Status.RUNNING, change): status for change, status in ENDS.items()},
}
STEP = {
    (Status.WAITING, Change.START): Status.RUNNING,
    (Status.WAITING, Change.SKIP): Status.SKIPPED,
    (Status.WAITING, Change.CANCEL): Status.CANCELLED,
    (Status.WAITING, Change.FAIL): Status.FAILED,
    **{(Status.RUNNING, change): status for change, status in ENDS.items()},
}
EVERY = [(status, change) for status in Status for change in Change]


@pytest.mark.parametrize(("status", "change"), EVERY)
def test_a_job_changes_as_the_table_says_and_in_no_other_way(status, change):
    if (status, change) in JOB:
        assert job_after(status, change) is JOB[status, change]
    else:
        with pytest.raises(IllegalChange, match=f"a job that is {status} cannot {change}"):
            job_after(status, change)


@pytest.mark.parametrize(("status", "change"), EVERY)
def test_a_step_changes_as_the_table_says_and_in_no_other_way(status, change):
    if (status, change) in STEP:
        assert step_after(status, change) is STEP[status, change]
    else:
        with pytest.raises(IllegalChange, match=f"a step that is {status} cannot {change}"):
            step_after(status, change)


@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
def test_what_is_final_stays(status):
    for change in Change:
        with pytest.raises(IllegalChange):
            job_after(status, change)
        with pytest.raises(IllegalChange):
            step_after(status, change)


def test_what_is_final_and_what_is_bad():
    unfinished = {Status.WAITING, Status.READY, Status.RUNNING}
    assert {status for status in Status if not status.is_final} == unfinished
    assert {status for status in Status if not status.is_bad} == unfinished | {Status.SUCCEEDED}


@pytest.mark.parametrize(
    ("statuses", "folded"),
    [
        ([], Status.SUCCEEDED),
        ([Status.SUCCEEDED], Status.SUCCEEDED),
        ([Status.SKIPPED], Status.SKIPPED),
        ([Status.SKIPPED, Status.SUCCEEDED], Status.SUCCEEDED),
        ([Status.FAILED, Status.SKIPPED, Status.SUCCEEDED], Status.FAILED),
        ([Status.BROKEN, Status.FAILED], Status.FAILED),
        ([Status.BROKEN, Status.TIMED_OUT], Status.BROKEN),
        ([Status.TIMED_OUT, Status.CANCELLED], Status.TIMED_OUT),
        ([Status.CANCELLED, Status.SUCCEEDED], Status.CANCELLED),
        ([Status.WAITING], Status.WAITING),
        ([Status.WAITING, Status.READY], Status.READY),
        ([Status.WAITING, Status.RUNNING], Status.RUNNING),
        ([Status.WAITING, Status.SUCCEEDED], Status.RUNNING),
        ([Status.READY, Status.FAILED], Status.RUNNING),
    ],
)
def test_fold(statuses, folded):
    assert fold(statuses) is folded


@given(st.lists(st.sampled_from(Status), min_size=1))
def test_a_fold_is_final_when_all_is_and_green_only_when_nothing_is_bad_but_skips(statuses):
    folded = fold(statuses)
    assert folded in Status
    assert folded.is_final == all(status.is_final for status in statuses)
    if folded is Status.SUCCEEDED:
        assert set(statuses) <= {Status.SUCCEEDED, Status.SKIPPED}
    assert fold(reversed(statuses)) is folded
