"""The table of DESIGN section 7, row by row, and what holds for any combination of runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.gate import CheckState, Conclusion, gate, judge, newest_head
from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.states import Status
from tests.core.report.samples import T0, job, run

OK, FAILED, BROKEN = Status.SUCCEEDED, Status.FAILED, Status.BROKEN
LATE, GONE, SKIPPED = Status.TIMED_OUT, Status.CANCELLED, Status.SKIPPED
UNFINISHED = (Status.WAITING, Status.READY, Status.RUNNING)


def jobs(*statuses):
    return run(*(job(f"j{number}", status) for number, status in enumerate(statuses)))


def answer(*runs):
    state = gate(runs)
    assert state is not None
    assert (state.conclusion is None) == (state.state is CheckState.IN_PROGRESS)
    return state.conclusion


def test_no_run_publishes_nothing():
    assert gate([]) is None


@pytest.mark.parametrize("kind", [RunKind.TAG, RunKind.MANUAL])
def test_tags_and_what_is_started_by_hand_never_touch_the_gate(kind):
    assert gate([run(job("test", FAILED), kind=kind)]) is None
    assert answer(jobs(OK), run(job("test", FAILED), kind=kind)) is Conclusion.SUCCESS


@pytest.mark.parametrize("kind", [RunKind.PUSH, RunKind.PULL_REQUEST, RunKind.MERGE_GROUP])
@pytest.mark.parametrize(
    ("verdict", "conclusion"),
    [
        (Verdict.CONFIG_MISSING, Conclusion.FAILURE),
        (Verdict.CONFIG_BROKEN, Conclusion.FAILURE),
        (Verdict.NOTHING_TO_RUN, Conclusion.SUCCESS),
        (Verdict.HELD, Conclusion.ACTION_REQUIRED),
        (Verdict.SKIP_CI, Conclusion.ACTION_REQUIRED),
        (Verdict.DRAFT, Conclusion.ACTION_REQUIRED),
    ],
)
def test_where_no_job_runs_the_verdict_decides(kind, verdict, conclusion):
    assert answer(run(kind=kind, verdict=verdict)) is conclusion


@pytest.mark.parametrize(
    ("statuses", "conclusion"),
    [
        ([OK], Conclusion.SUCCESS),
        ([OK, SKIPPED], Conclusion.SUCCESS),
        ([SKIPPED], Conclusion.SUCCESS),
        ([OK, FAILED], Conclusion.FAILURE),
        ([BROKEN], Conclusion.FAILURE),
        ([OK, BROKEN], Conclusion.FAILURE),
        ([LATE], Conclusion.TIMED_OUT),
        ([OK, LATE, SKIPPED], Conclusion.TIMED_OUT),
        ([GONE], Conclusion.CANCELLED),
        ([OK, GONE, SKIPPED], Conclusion.CANCELLED),
        ([LATE, GONE], Conclusion.FAILURE),
        ([LATE, FAILED], Conclusion.FAILURE),
        ([GONE, FAILED], Conclusion.FAILURE),
        ([GONE, BROKEN], Conclusion.FAILURE),
        ([], Conclusion.FAILURE),
        *[([status], None) for status in UNFINISHED],
        *[([OK, status], None) for status in UNFINISHED],
        *[([FAILED, status], None) for status in UNFINISHED],
    ],
)
def test_jobs_of_one_run(statuses, conclusion):
    assert answer(jobs(*statuses)) is conclusion


@pytest.mark.parametrize(
    ("need", "conclusion"),
    [
        (FAILED, Conclusion.FAILURE),
        (BROKEN, Conclusion.FAILURE),
        (LATE, Conclusion.TIMED_OUT),
        (GONE, Conclusion.CANCELLED),
    ],
)
def test_a_job_skipped_because_of_its_need_is_decided_by_the_need(need, conclusion):
    skipped = job("deploy", SKIPPED, needs=("build",), reason='needs "build"')
    assert answer(run(job("build", need), skipped)) is conclusion


def test_unfinished_beats_failure_beats_action_required_beats_success():
    held, failed = run(verdict=Verdict.HELD), jobs(FAILED)
    assert answer(held, jobs(OK)) is Conclusion.ACTION_REQUIRED
    assert answer(held, failed, jobs(OK)) is Conclusion.FAILURE
    assert answer(held, failed, jobs(OK), jobs(Status.RUNNING)) is None
    assert answer(held, jobs(LATE)) is Conclusion.TIMED_OUT


def test_runs_of_one_kind_of_bad_keep_its_name_and_mixtures_are_failures():
    assert answer(jobs(LATE), jobs(LATE)) is Conclusion.TIMED_OUT
    assert answer(jobs(LATE), jobs(GONE)) is Conclusion.FAILURE


def test_superseded_runs_do_not_count_beside_one_that_is_not():
    old = run(job("test", FAILED), superseded=True, created_at=T0 + 9)
    new = run(job("test", OK), id="r2")
    state = gate([old, new])
    assert state is not None
    assert state.runs == (new,)
    assert state.conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize("status", [*UNFINISHED, GONE])
def test_a_commit_whose_runs_were_all_superseded_is_not_left_in_progress(status):
    state = gate(
        [run(job("a", FAILED), job("b", status), superseded=True, reason="superseded by 1a2b3c4")]
    )
    assert state is not None
    assert state.conclusion is Conclusion.CANCELLED
    assert state.is_superseded


def test_nobody_is_asked_to_approve_a_superseded_commit():
    assert answer(run(verdict=Verdict.HELD, superseded=True)) is Conclusion.CANCELLED


@pytest.mark.parametrize("status", [OK, FAILED, LATE, BROKEN])
def test_what_came_to_its_own_end_before_it_was_superseded_stays_true(status):
    finished = run(job("test", status))
    superseded = run(job("test", status), superseded=True, reason="superseded by 1a2b3c4")
    assert answer(superseded) is answer(finished)


def test_of_a_pull_requests_runs_the_newest_head_that_counts_is_looked_at():
    first = run(job("test"), id="r1", sha="a" * 40)
    second = run(job("test"), id="r2", sha="b" * 40, created_at=T0 + 5)
    assert newest_head([first, second]) == (second,)
    came_back = run(job("test"), id="r2", sha="b" * 40, created_at=T0 + 5, superseded=True)
    assert newest_head([came_back, first]) == (first,)


one_job = st.builds(job, st.sampled_from("abc"), st.sampled_from(Status))
one_run = st.builds(
    lambda kind, verdict, superseded, some, id, at: run(
        *(some if verdict is Verdict.PLANNED else ()),
        kind=kind,
        verdict=verdict,
        superseded=superseded,
        id=id,
        created_at=T0 + at,
    ),
    st.sampled_from(RunKind),
    st.sampled_from(Verdict),
    st.booleans(),
    st.lists(one_job, max_size=4, unique_by=lambda one: one.key),
    st.sampled_from(["r1", "r2", "r3"]),
    st.integers(0, 3),
)
some_runs = st.lists(one_run, max_size=4, unique_by=lambda one: one.id)


def is_green(one):
    if one.verdict is Verdict.NOTHING_TO_RUN:
        return True
    statuses = {each.status for each in one.jobs}
    return one.verdict is Verdict.PLANNED and bool(statuses) and statuses <= {OK, SKIPPED}


@given(some_runs, st.randoms(use_true_random=False))
def test_any_runs_have_exactly_one_answer(runs, random):
    state = gate(runs)
    gating = [one for one in runs if one.kind.is_gating]
    assert (state is None) == (not gating)
    if state is None:
        return
    live = [one for one in gating if not one.superseded]
    finished = all(each.status.is_final for one in live for each in one.jobs)
    assert (state.state is CheckState.COMPLETED) == finished == (state.conclusion is not None)
    assert state.conclusion is not Conclusion.SKIPPED
    assert state.state is not CheckState.QUEUED
    newest = max(gating, key=lambda one: (one.created_at, one.id))
    assert (state.conclusion is Conclusion.SUCCESS) == all(is_green(one) for one in live or [newest])
    random.shuffle(runs)
    assert gate(runs) == state


@given(some_runs.filter(bool))
def test_other_kinds_are_judged_alike(runs):
    assert judge(runs).runs


def test_a_push_taken_over_on_the_same_commit_does_not_unsay_how_the_pull_request_ended():
    """Seen in the first demo: the failure of an old head became "cancelled" with the next push."""
    taken_over = run(job("test", GONE), id="r1", superseded=True, created_at=1.0)
    ended = run(job("test", FAILED), id="r2", superseded=True, created_at=2.0)
    assert answer(taken_over, ended) is Conclusion.FAILURE


def test_a_pull_request_that_passed_stays_green_though_the_push_before_it_failed():
    push = run(job("test", FAILED), id="r1", superseded=True, created_at=1.0)
    passed = run(job("test", OK), id="r2", created_at=2.0)
    assert answer(push, passed) is Conclusion.SUCCESS
    assert answer(push, replace(passed, superseded=True)) is Conclusion.SUCCESS


def test_a_job_that_may_fail_does_not_fail_the_gate() -> None:
    tolerated = replace(job("may", FAILED), tolerated=True)
    assert answer(run(tolerated, job("must", OK))) is Conclusion.SUCCESS
    assert answer(run(replace(tolerated, status=Status.RUNNING), job("must", OK))) is None
