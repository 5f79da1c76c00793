"""Which checks a commit has, what they are called, and when they change."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ci_bot.core.gate import CheckState, Conclusion
from ci_bot.core.model import LogRef, Run, RunKind, Verdict
from ci_bot.core.report import checks, runs_of_check, spot_of, wanted_tails
from ci_bot.core.report.values import Spot
from ci_bot.core.states import Status
from tests.core.report.samples import SHA, T0, job, link, run, step
from tests.make import plan


def shown(*runs):
    return {report.name: report for report in checks(runs, {}, link)}


# ── which ────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_does_not_count_in_the_gate_leaves_it_out():
    tag = run(job("test"), kind=RunKind.TAG, ref="v1")
    by_hand = run(job("test"), kind=RunKind.MANUAL, id="r2")
    assert list(shown(tag, by_hand)) == [
        "ci-bot (tag)",
        "ci-bot (manual)",
        "ci-bot (tag) / test",
        "ci-bot (manual) / test",
    ]


def test_the_gate_comes_first_whatever_is_older():
    tag = run(job("test"), kind=RunKind.TAG, ref="v1", created_at=T0 - 5)
    assert next(iter(shown(tag, run(job("test"), id="r2")))) == "ci-bot"


def test_no_runs_no_checks():
    assert shown() == {}


def test_a_job_gets_its_check_when_it_starts_and_keeps_it():
    assert "ci-bot / test" not in shown(run(job("test", Status.WAITING)))
    assert "ci-bot / test" not in shown(run(job("test", Status.READY)))
    assert shown(run(job("test", Status.RUNNING)))["ci-bot / test"].state is CheckState.IN_PROGRESS
    for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.BROKEN, Status.TIMED_OUT):
        assert shown(run(job("test", status)))["ci-bot / test"].state is CheckState.COMPLETED


def test_why_every_path_counts_as_changed_stands_in_the_gate_once():
    planned = replace(plan(), all_changed="the forge cannot compare: <404>")
    runs = [
        replace(run(job("test"), id=id, pull=pull), plan=planned) for id, pull in (("r1", 1), ("r2", 2))
    ]
    summary = shown(*runs)["ci-bot"].summary
    assert summary.count("📂 Every path counts as changed: the forge cannot compare: ") == 1
    assert "<404>" not in summary
    assert "Every path" not in shown(run(job("test")))["ci-bot"].summary


def test_a_job_that_never_started_stands_in_the_gate_alone():
    skipped = job("deploy", Status.SKIPPED, reason='needs "test", which failed')
    cancelled = replace(
        job("docs", Status.CANCELLED, reason="the pull request was closed"), started_at=None
    )
    reports = shown(run(job("test", Status.FAILED), skipped, cancelled))
    assert list(reports) == ["ci-bot", "ci-bot / test"]
    assert 'needs "test", which failed' in reports["ci-bot"].summary
    assert "the pull request was closed" in reports["ci-bot"].summary


def test_a_ready_job_that_must_wait_says_why_in_the_gate_alone():
    (gate,) = checks([run(job("test", Status.READY))], {}, link, "", "New jobs <wait>")
    assert gate.title.endswith(", waiting for room on the server's disk")
    assert gate.summary.startswith("⏸️ New jobs")
    assert "<wait>" not in gate.summary
    over = checks([run(job("test"))], {}, link, "", "New jobs wait")
    assert over == checks([run(job("test"))], {}, link)


def test_a_new_attempt_shows_from_the_first_second_until_its_end():
    queued = shown(run(job("test", Status.READY, attempt=2)))["ci-bot / test"]
    assert (queued.state, queued.title) == (CheckState.QUEUED, "Queued, attempt 2")
    skipped = job("test", Status.SKIPPED, attempt=2, reason='needs "build", which failed')
    assert shown(run(skipped))["ci-bot / test"].conclusion is Conclusion.SKIPPED


def test_beyond_thirty_jobs_only_those_that_need_attention_have_their_own():
    many = [job(f"j{number:02}") for number in range(31)]
    many[7] = job("j07", Status.FAILED)
    many[9] = job("j09", Status.RUNNING)
    many[11] = job("j11", attempt=2)
    assert list(shown(run(*many))) == ["ci-bot", "ci-bot / j07", "ci-bot / j11"]
    assert len(shown(run(*many[:30]))) == 31


# ── what they are called ─────────────────────────────────────────────────────────────────────


def test_two_pull_requests_of_one_commit_are_told_apart_and_the_older_keeps_the_name():
    first = run(job("test"), id="r1", pull=1, ref="a")
    second = run(job("test", Status.FAILED), job("lint"), id="r2", pull=2, ref="b", created_at=T0 + 1)
    reports = shown(second, first)
    assert list(reports) == ["ci-bot", "ci-bot / test", "ci-bot / test (#2)", "ci-bot / lint"]
    gone = replace(first, superseded=True)
    assert shown(second, gone)["ci-bot / test (#2)"].conclusion is Conclusion.FAILURE


def test_a_pull_request_goes_on_under_the_names_of_its_branchs_push():
    push = run(job("test", Status.RUNNING), id="r1", kind=RunKind.PUSH)
    alone = shown(push)["ci-bot / test"]
    assert alone.state is CheckState.IN_PROGRESS
    push = run(job("test", Status.CANCELLED), id="r1", kind=RunKind.PUSH, superseded=True)
    opened = run(job("test", Status.READY), id="r2", created_at=T0 + 1)
    assert shown(push, opened)["ci-bot / test"].conclusion is Conclusion.CANCELLED
    opened = run(job("test", Status.SUCCEEDED), id="r2", created_at=T0 + 1)
    reports = shown(push, opened)
    assert list(reports) == ["ci-bot", "ci-bot / test"]
    assert reports["ci-bot / test"].details_url == link("r2", "test-1")


def test_of_runs_that_share_a_name_the_one_that_counts_is_shown():
    revived = run(job("test", Status.RUNNING, attempt=2), id="r1", kind=RunKind.PUSH)
    gone = run(job("test"), id="r2", superseded=True, created_at=T0 + 1)
    assert shown(revived, gone)["ci-bot / test"].details_url == link("r1", "test-2")


def test_a_merge_queue_and_the_push_that_follows_have_their_own_names():
    queue = run(job("test"), id="r1", kind=RunKind.MERGE_GROUP, ref="gh-readonly-queue/main/pr-1")
    push = run(job("test"), id="r2", kind=RunKind.PUSH, ref="main", created_at=T0 + 1)
    assert list(shown(queue, push)) == ["ci-bot", "ci-bot / test", "ci-bot / test (main)"]


def test_jobs_of_one_run_that_look_alike_are_told_apart():
    same = run(job("a", name="Test"), job("b", name="Test"), job("c", name="Test (#12)"))
    reports = list(shown(same))
    assert len(set(reports)) == 4
    assert runs_of_check(reports[1], [same]) == ([same], "a")
    assert runs_of_check(reports[2], [same]) == ([same], "b")
    assert runs_of_check(reports[3], [same]) == ([same], "c")


def test_an_aggregate_stands_for_the_runs_of_its_kind_and_an_unknown_name_for_none():
    pushed, tagged = run(job("test")), run(job("test"), id="r2", kind=RunKind.TAG)
    both = [pushed, tagged]
    assert runs_of_check("ci-bot", both) == ([pushed], None)
    assert runs_of_check("ci-bot (tag)", both) == ([tagged], None)
    assert runs_of_check("ci-bot (tag) / test", both) == ([tagged], "test")
    assert runs_of_check("test", both) == ([], None)


def test_a_check_is_shown_where_what_brought_its_commit_is():
    tagged = run(job("t"), id="r2", kind=RunKind.TAG, ref="v1", created_at=T0 + 1)
    pushed = run(job("b"), id="r3", kind=RunKind.PUSH, ref="main", created_at=T0 + 2)
    pulled = run(job("p"), id="r1")
    assert spot_of("ci-bot (tag)", [pushed, tagged]) == Spot(SHA, "v1", is_tag=True, counts=False)
    assert spot_of("ci-bot", [pushed, tagged]) == Spot(SHA, "main")
    assert spot_of("ci-bot", [pulled, pushed]) == Spot(SHA, "feature", 12)
    assert spot_of("ci-bot", [replace(pulled, superseded=True), pushed]) == Spot(SHA, "main")
    assert spot_of("ci-bot", [replace(pulled, superseded=True)]) == Spot(SHA, "feature", 12)
    assert spot_of("none of ours", [pushed]) == Spot(SHA, "main")


def test_what_keeps_nobody_from_merging_is_told_apart():
    may_fail = replace(job("lint", Status.FAILED), tolerated=True)
    pulled = run(job("test"), may_fail)
    by_hand = replace(run(job("deploy"), id="r2", kind=RunKind.MANUAL), pull=12)
    both = [pulled, by_hand]
    counting = {name: spot_of(name, both).counts for name in shown(*both)}
    assert counting == {
        "ci-bot": True,
        "ci-bot / test": True,
        "ci-bot / lint": False,
        "ci-bot (manual)": False,
        "ci-bot (manual) / deploy": False,
    }


# ── when they change ─────────────────────────────────────────────────────────────────────────


def test_while_a_job_runs_neither_its_check_nor_the_gate_changes():
    before = job("test", Status.RUNNING, (step(0, "a", Status.RUNNING), step(1, "b", Status.WAITING)))
    after = job("test", Status.RUNNING, (step(0, "a"), step(1, "b", Status.RUNNING, start=9)))
    other = job("lint", Status.READY)
    assert shown(run(before, other)) == shown(run(after, other))
    started = shown(run(after, job("lint", Status.RUNNING)))
    assert started["ci-bot"] == shown(run(after, other))["ci-bot"]


def test_a_run_of_one_job_takes_five_updates():
    road = [job("test", status) for status in (Status.READY, Status.RUNNING, Status.SUCCEEDED)]
    updates = [(name, report) for one in road for name, report in shown(run(one)).items()]
    assert len(updates) == 5


MOVES = {
    Status.WAITING: [Status.READY, Status.SKIPPED, Status.CANCELLED],
    Status.READY: [Status.RUNNING, Status.CANCELLED],
    Status.RUNNING: [
        Status.SUCCEEDED,
        Status.FAILED,
        Status.TIMED_OUT,
        Status.CANCELLED,
        Status.BROKEN,
    ],
}


def moved(one, status):
    """The next state of a job as the store would write it; a finished one is tried again."""
    if one.status.is_final:
        return job(one.key, Status.WAITING, attempt=one.attempt + 1)
    started_at = T0 if status is Status.RUNNING else one.started_at
    return replace(
        one, status=status, started_at=started_at, finished_at=T0 if status.is_final else None
    )


@settings(deadline=None)
@given(st.data())
def test_what_was_shown_unfinished_is_shown_until_it_is_finished(data):
    """No check is ever left in progress, whatever happens to the runs of its commit, in any order."""
    runs: list[Run] = []
    unfinished: set[str] = set()
    for _ in range(data.draw(st.integers(1, 25))):
        event = data.draw(st.sampled_from(["new", "supersede", "revive", "job", "job", "job", "job"]))
        if event == "new" and len(runs) < 4:
            kind = data.draw(st.sampled_from(RunKind))
            waiting = [job(key, Status.WAITING) for key in data.draw(st.sampled_from(["a", "ab"]))]
            names = {"ref": data.draw(st.sampled_from("xy")), "pull": data.draw(st.integers(1, 2))}
            number = len(runs)
            runs.append(run(*waiting, kind=kind, id=f"r{number}", created_at=T0 + number, **names))
        elif event != "new" and runs:
            index = data.draw(st.integers(0, len(runs) - 1))
            one = runs[index]
            if event == "job":
                at = data.draw(st.integers(0, len(one.jobs) - 1))
                status = data.draw(st.sampled_from(MOVES.get(one.jobs[at].status, [Status.WAITING])))
                jobs = [
                    moved(each, status) if number == at else each
                    for number, each in enumerate(one.jobs)
                ]
                runs[index] = replace(one, jobs=tuple(jobs))
            else:
                runs[index] = replace(one, superseded=event == "supersede")
        reports = shown(*runs)
        assert unfinished <= set(reports)
        unfinished = {name for name, each in reports.items() if each.state is not CheckState.COMPLETED}
    over = [replace(one, jobs=tuple(_ended(each) for each in one.jobs)) for one in runs]
    assert all(report.state is CheckState.COMPLETED for report in shown(*over).values())


def _ended(one):
    return one if one.status.is_final else replace(one, status=Status.CANCELLED, finished_at=T0)


# ── moments, links, logs ─────────────────────────────────────────────────────────────────────


def test_the_gates_moments_are_those_of_the_newest_attempt():
    first = job("a", seconds=10)
    again = replace(job("b", attempt=2, start=500, seconds=7), created_at=T0 + 490)
    gate = shown(run(first, again))["ci-bot"]
    assert (gate.started_at, gate.finished_at) == (T0 + 490, T0 + 507)
    assert gate.title == "2 jobs passed (attempt 2)"
    assert shown(run(job("a", Status.RUNNING)))["ci-bot"].finished_at is None


def test_details_lead_to_the_run_and_to_the_job():
    reports = shown(run(job("test")))
    assert reports["ci-bot"].details_url == link("r1", None)
    assert reports["ci-bot / test"].details_url == link("r1", "test-1")


def test_the_ends_of_failed_steps_logs_are_wanted_and_no_others():
    steps = (
        step(0, "a", log_bytes=9),
        step(1, "b", Status.FAILED, log_bytes=9, tolerated=True),
        step(2, "c", Status.TIMED_OUT, log_bytes=9),
        step(3, "d", Status.BROKEN, log_bytes=9),
        step(4, "e", Status.CANCELLED, log_bytes=9),
        step(5, "f", Status.FAILED, log_bytes=0),
    )
    wanted = wanted_tails([run(job("test", Status.FAILED, steps))])
    assert wanted == tuple(LogRef("test-1", index) for index in (1, 2, 3))


def test_wanted_logs_are_bounded_and_those_that_count_come_first():
    failed = tuple(step(index, "a", Status.FAILED, log_bytes=9) for index in range(15))
    old = run(job("old", Status.FAILED, failed), superseded=True)
    new = run(job("new", Status.FAILED, failed), id="r2", created_at=T0 + 1)
    wanted = wanted_tails([old, new])
    assert len(wanted) == 20
    assert wanted[0] == LogRef("new-1", 0)


def test_of_a_pull_request_only_the_newest_heads_logs_are_wanted():
    failed = (step(0, "a", Status.FAILED, log_bytes=9),)
    old = run(job("old", Status.FAILED, failed), sha="a" * 40, superseded=True)
    new = run(job("new", Status.FAILED, failed), id="r2", sha=SHA, created_at=T0 + 1)
    assert wanted_tails([old, new]) == (LogRef("new-1", 0),)
    assert wanted_tails([]) == ()


def test_a_failed_steps_end_stands_in_its_jobs_check():
    failing = (step(0, "make", Status.FAILED, "exit code 2", log_bytes=10**6, line=4),)
    log = b"cut\n" + b"".join(b"line %d\n" % number for number in range(80))
    runs = [run(job("test", Status.FAILED, failing))]
    report = checks(runs, {LogRef("test-1", 0): log}, link)[1]
    assert "line 79" in report.text
    assert "line 29" not in report.text
    assert "The last 50 lines of 1.0 MB" in report.text
    assert [(one.path, one.line, one.level) for one in report.annotations] == [
        (".ci.yaml", 4, "failure")
    ]
    without = checks(runs, {}, link)[1]
    assert "exit code 2" in without.text
    assert not re.search("`{3}", without.text)


def test_problems_are_annotated_on_the_gate():
    broken = run(verdict=Verdict.CONFIG_BROKEN)
    assert shown(broken)["ci-bot"].annotations == ()
