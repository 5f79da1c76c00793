"""When the sticky comment appears, and that it stays true from then on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.model import LogRef, Problem, Verdict
from ci_bot.core.report import comment
from ci_bot.core.states import Status
from tests.core.report.samples import T0, job, link, run, step

GREEN = run(job("test"))
RED = run(job("test", Status.FAILED))
PENDING = run(job("test", Status.RUNNING))


def body(*runs, known=False, tails=None):
    told = comment(runs, tails or {}, link, known)
    return told.body if told else None


@pytest.mark.parametrize(
    "quiet",
    [
        GREEN,
        PENDING,
        run(job("test", Status.CANCELLED)),
        run(verdict=Verdict.NOTHING_TO_RUN),
        run(verdict=Verdict.SKIP_CI),
        replace(RED, superseded=True, jobs=(*RED.jobs, job("b", Status.CANCELLED))),
    ],
)
def test_what_needs_nobody_is_told_to_nobody_until_the_comment_is_there(quiet):
    assert body(quiet) is None
    assert body(quiet, known=True) is not None


@pytest.mark.parametrize(
    "urgent",
    [
        RED,
        run(job("test", Status.TIMED_OUT)),
        run(job("test", Status.BROKEN)),
        run(job("test", Status.FAILED), job("e2e", Status.RUNNING)),
        run(verdict=Verdict.HELD),
        run(verdict=Verdict.CONFIG_BROKEN, problems=(Problem(".ci.yaml", "", 1, 1, "wrong"),)),
        run(verdict=Verdict.CONFIG_MISSING),
    ],
)
def test_what_needs_a_person_makes_it_appear(urgent):
    assert body(urgent) is not None


def test_no_runs_no_comment():
    assert body(known=True) is None


def test_the_marker_is_the_same_for_every_head_and_hidden():
    told = [comment([one], {}, link, known=True) for one in (GREEN, RED, replace(RED, sha="b" * 40))]
    assert {one.marker for one in told if one} == {"<!-- ci-bot:pull:github:1296269:12 -->"}


def test_a_new_head_replaces_what_was_said_about_the_old_one():
    old = replace(RED, superseded=True, sha="a" * 40)
    new = replace(PENDING, id="r2", sha="b" * 40, created_at=T0 + 9)
    said = body(old, new, known=True)
    assert "bbbbbbb" in said
    assert "aaaaaaa" not in said
    assert "failed" not in said


def test_while_jobs_run_it_changes_only_when_one_fails():
    two = body(run(job("a", Status.RUNNING), job("b", Status.READY)), known=True)
    assert body(run(job("a"), job("b", Status.RUNNING)), known=True) == two
    failing = body(run(job("a", Status.FAILED), job("b", Status.READY), job("c", Status.READY)))
    assert body(run(job("a", Status.FAILED), job("b"), job("c", Status.RUNNING))) == failing != two


def test_it_shows_the_end_of_the_first_failed_step_that_said_anything():
    mute = job("mute", Status.BROKEN, reason="the engine is gone")
    loud = job("loud", Status.FAILED, (step(0, "make", Status.FAILED, "exit code 2", log_bytes=900),))
    log = b"".join(b"line %d\n" % number for number in range(40))
    said = body(run(mute, loud), tails={LogRef("loud-1", 0): log})
    assert "line 39" in said
    assert "line 25\n" in said
    assert "line 24\n" not in said
    assert link("r1", "loud-1") in said


def test_many_failures_are_counted():
    said = body(run(*(job(f"j{number:02}", Status.FAILED) for number in range(14))))
    assert "- and 4 more" in said
    assert "14 of 14 jobs failed: j00, j01, j02 and 11 more" in said
