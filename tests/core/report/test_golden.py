"""What people read, in whole: each situation's text stands in `golden/` (UPDATE_GOLDEN=1 writes it)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ci_bot.core.model import Cause, Earlier, Inspection, LogRef, Problem, RunKind, Usage, Verdict
from ci_bot.core.report import checks, comment
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling
from tests.core.report.samples import T0, job, link, run, step

GOLDEN = Path(__file__).parent / "golden"
GO_TEST = b"""=== RUN   TestAdd
    add_test.go:12: got 5, want 4
--- FAIL: TestAdd (0.00s)
FAIL\texample.com/app\t0.004s
FAIL
"""
LONG_LOG = b"".join(b"line %d of a long build\n" % number for number in range(900))


def failed_job(attempt=1, **more):
    steps = (
        step(0, "go vet ./...", seconds=2, line=8, usage=Usage(84_200_000, 3.21)),
        step(
            1,
            "go test ./...",
            Status.FAILED,
            "exit code 1",
            start=2,
            seconds=10,
            log_bytes=len(GO_TEST),
            line=9,
        ),
        step(2, "go build | tee build.log", Status.SKIPPED, line=10),
    )
    reason = 'step "go test ./...": exit code 1'
    return job("test", Status.FAILED, steps, reason, attempt=attempt, **more)


def failing_last(status, reason, log=LONG_LOG, **more):
    steps = (
        step(0, "make deps", seconds=31),
        step(1, "make check", status, reason, start=31, seconds=95, log_bytes=len(log), line=7),
    )
    return job("check", status, steps, f'step "make check": {reason}', seconds=126, **more)


def tried_again(made, *before):
    """The same job after attempts that ended so, each with its reason."""
    causes = {Status.BROKEN: Cause.INFRASTRUCTURE, Status.FAILED: Cause.RETRY}
    chain = [Cause.FIRST, *(causes[status] for status, _ in before)]
    earlier = tuple(
        Earlier(number + 1, chain[number], status, reason, T0)
        for number, (status, reason) in enumerate(before)
    )
    return replace(made, cause=chain[-1], earlier=earlier, retries=2, attempt=len(chain))


FLAKY = (Status.FAILED, 'step "make": exit code 75')
LIMITED = (Status.BROKEN, 'image "tool:1" could not be pulled from docker.io: toomanyrequests')

PROBLEMS = (
    Problem(".ci.yaml", "jobs.build.step", 7, 5, 'unknown key "step"', 'did you mean "steps"?'),
    Problem(".ci.yaml", "", 12, 1, "tabs cannot indent YAML"),
)
MOVED_ON = "superseded by 9f8e7d6"

SITUATIONS = {
    "config_missing": [
        run(verdict=Verdict.CONFIG_MISSING, reason="this commit removes .ci.yaml, which its base has")
    ],
    "config_broken": [run(verdict=Verdict.CONFIG_BROKEN, problems=PROBLEMS)],
    "nothing_to_run": [
        run(verdict=Verdict.NOTHING_TO_RUN, reason=".ci.yaml does not ask for pull requests")
    ],
    "all_skipped": [
        run(
            job("test", Status.SKIPPED, reason="if: none of 3 changed files match src/**"),
            job("deploy", Status.SKIPPED, reason='if: branch is "dev", not "main"'),
            job("after", Status.SKIPPED, needs=("deploy",), reason='needs "deploy", which was skipped'),
            verdict=Verdict.NOTHING_TO_RUN,
            reason="no job's condition holds for this event",
        )
    ],
    "steps_with_conditions": [
        run(
            job(
                "test",
                Status.FAILED,
                (
                    step(0, "make", Status.FAILED, "exit code 2"),
                    step(1, "make test", Status.SKIPPED),
                    step(2, "tell", start=4),
                    step(3, "publish", Status.SKIPPED, 'if: branch is "dev", not "main"'),
                ),
                'step "make": exit code 2',
            )
        )
    ],
    "passed_with_skips": [
        run(
            job("test", seconds=14),
            job("deploy", Status.SKIPPED, needs=("docs",), reason='needs "docs", which was skipped'),
            job("docs", Status.SKIPPED, reason='its condition "branch == main" is false'),
        )
    ],
    "failed": [
        run(
            job("lint", seconds=3.4),
            failed_job(),
            job("deploy", Status.SKIPPED, needs=("test",), reason='needs "test", which failed'),
        )
    ],
    "failed_attempt_2": [run(failed_job(attempt=2))],
    "out_of_memory": [
        run(failing_last(Status.FAILED, "out of memory (limit 512 MiB)"), job("lint", seconds=2))
    ],
    "timed_out": [run(failing_last(Status.TIMED_OUT, "timed out: its limit is 90s"))],
    "cancelled": [
        run(
            failing_last(Status.CANCELLED, "the pull request was closed"),
            job(
                "lint",
                Status.CANCELLED,
                (step(0, "make lint", Status.SKIPPED),),
                "the pull request was closed",
            ),
        )
    ],
    "infrastructure": [
        run(
            job(
                "test",
                Status.BROKEN,
                (step(0, "make", Status.SKIPPED),),
                "the container engine does not answer",
            ),
            job("lint"),
        )
    ],
    "refused_step": [
        run(
            job(
                "test",
                Status.FAILED,
                (step(0, "make", Status.FAILED, 'there is no image "golang:1.99"', line=5),),
                'step "make": there is no image "golang:1.99"',
            )
        )
    ],
    "mixed": [
        run(
            failed_job(),
            failing_last(Status.TIMED_OUT, "timed out: the job's limit is 2m"),
            job(
                "e2e",
                Status.BROKEN,
                (step(0, "make e2e", Status.SKIPPED),),
                "no commit from the forge: HTTP 502",
            ),
        )
    ],
    "tolerated": [
        run(
            job(
                "test",
                steps=(
                    step(0, "make"),
                    step(
                        1,
                        "make lint",
                        Status.FAILED,
                        "exit code 2",
                        start=4,
                        tolerated=True,
                        log_bytes=20,
                        line=6,
                    ),
                ),
            )
        )
    ],
    "held": [
        run(
            verdict=Verdict.HELD,
            ruling=Ruling.WAIT,
            reason="@mallory has no write access to this repository",
            inspection=Inspection(
                config=('changes job "test": scripts, secrets', 'adds job "deploy"'),
                files=("Makefile", "scripts/deploy.sh"),
                changed=7,
                secrets=("NPM_TOKEN",),
            ),
        )
    ],
    "held_push": [
        run(
            verdict=Verdict.HELD,
            ruling=Ruling.WAIT,
            kind=RunKind.PUSH,
            pull=None,
            reason="@renovate[bot] is a bot, and its commits wait for a person here",
        )
    ],
    "refused": [
        run(
            verdict=Verdict.HELD,
            ruling=Ruling.REFUSE,
            reason="this repository runs nothing for people without write access",
        )
    ],
    "skip_ci": [run(verdict=Verdict.SKIP_CI, reason='the commit message says "[skip ci]"')],
    "queued": [run(job("build", Status.READY), job("test", Status.WAITING, needs=("build",)))],
    "running": [
        run(
            job("build"),
            job("test", Status.RUNNING, (step(0, "make test", Status.RUNNING),), needs=("build",)),
            job("deploy", Status.WAITING, needs=("build", "test")),
        )
    ],
    "failing_while_running": [run(failed_job(), job("e2e", Status.RUNNING))],
    "tried_again": [
        run(
            tried_again(job("lint"), FLAKY, LIMITED),
            tried_again(job("e2e", Status.READY), FLAKY),
            tried_again(job("build", Status.BROKEN, (), LIMITED[1]), LIMITED, LIMITED),
            tried_again(failed_job(), FLAKY, FLAKY),
        )
    ],
    "queued_again": [run(job("lint"), job("test", Status.READY, attempt=2))],
    "superseded": [
        run(
            job("lint"),
            job("test", Status.CANCELLED, reason=MOVED_ON),
            superseded=True,
            reason=MOVED_ON,
        )
    ],
    "several_runs": [
        run(job("test"), id="r1"),
        run(failed_job(), id="r2", pull=34, ref="other", created_at=T0 + 60),
        run(job("release"), id="r3", kind=RunKind.TAG, ref="v1.0", created_at=T0 + 90),
    ],
    "hostile": [
        run(
            job(
                "x",
                Status.FAILED,
                (
                    step(
                        0,
                        "echo `@octocat` | [a](http://evil) <script>",
                        Status.FAILED,
                        "fixes #1, cc @octo/team, see https://evil.example/?q=<img src=x> \u202egnp",
                        log_bytes=99,
                    ),
                ),
                name="<b>@all</b>\n# ok ![x](y) | ✅ passed |",
            )
        )
    ],
}
HOSTILE_LOG = b"\x1b[31mred\x1b[0m ``` @octocat\n```\n<script>alert(1)</script> \x00\xff\nfixes #1"
LOGS = {"test": GO_TEST, "check": LONG_LOG[-16_384:], "x": HOSTILE_LOG}


def tails_of(runs):
    return {
        LogRef(one.id, index): LOGS[one.key]
        for each in runs
        for one in each.jobs
        for index in range(len(one.steps))
        if one.key in LOGS
    }


def rendered(runs):
    parts = [_check(report) for report in checks(runs, tails_of(runs), link)]
    for known in (False, True):
        told = comment([each for each in runs if each.pull], tails_of(runs), link, known)
        heading = f"COMMENT ({'there already' if known else 'not there yet'})"
        parts.append(f"{heading}\n\n{told.body if told else 'none'}\n")
    return ("\n" + "=" * 100 + "\n").join(parts)


def _check(report):
    head = f"CHECK {report.name}: {report.state} {report.conclusion or ''}".rstrip()
    took = f"{(report.started_at or 0) - T0:+.0f} to {(report.finished_at or 0) - T0:+.0f}"
    when = took if report.finished_at is not None else "no end"
    marks = [
        f"{one.path}:{one.line}:{one.column or ''} {one.level}: {one.title}: {one.message}"
        for one in report.annotations
    ]
    buttons = " ".join(f"[{each.label}]" for each in report.actions)
    shown = [report.title, report.summary, report.text, *marks, buttons]
    parts = [head, f"{report.details_url} · {when}", *shown]
    return "\n\n".join(part for part in parts if part) + "\n"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_people_read(situation):
    file = GOLDEN / f"{situation}.md"
    text = rendered(SITUATIONS[situation])
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def test_every_golden_file_is_a_situation():
    assert {file.stem for file in GOLDEN.iterdir()} == set(SITUATIONS)
