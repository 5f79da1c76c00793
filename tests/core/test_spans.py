"""One trace for a run, whoever tells of it, by OpenTelemetry's names."""

from __future__ import annotations

from dataclasses import replace

from opentelemetry.semconv._incubating.attributes import cicd_attributes, vcs_attributes

from ci_bot.core.model import JobRun, Run, RunKind, StepRun, Verdict
from ci_bot.core.outcome import Took
from ci_bot.core.spans import (
    Span,
    masked_span,
    of_decision,
    of_job,
    of_report,
    of_repository,
    of_run,
    trace_of,
)
from ci_bot.core.states import Status
from tests.make import ALICE, REPO, SHA_A

STEPS = (
    StepRun(0, "make", Status.SUCCEEDED, 1, 0, "", 11.0, 15.0),
    StepRun(1, "make test", Status.FAILED, 1, 3, "exit code 3", 15.0, 19.0),
    StepRun(2, "never", Status.SKIPPED),
)
JOB = JobRun("j1", "r1", "test", "test", 1, Status.FAILED, STEPS, (), "exit code 3", 10.0, 11.0, 20.0)
RUN = Run(
    "r1", "k", REPO, RunKind.PULL_REQUEST, "topic", SHA_A, Verdict.PLANNED, ALICE, 9.0, pull=3,
    title="Fix", base_ref="main", base_sha="b" * 40, jobs=(JOB,),
)  # fmt: skip


def whole() -> list[Span]:
    return [
        *of_decision(RUN, "d1", 8.0, 8.5, 9.0),
        *of_job(RUN, JOB),
        of_run(RUN, Took(Status.FAILED, 11.0), 20.0),
        of_report(RUN, "ci-bot", "completed", 20.0, 20.5),
    ]


def test_everything_of_a_run_is_one_tree() -> None:
    spans = whole()
    ids = {span.id: span for span in spans}
    assert len(ids) == len(spans)
    assert {span.trace for span in spans} == {trace_of("r1")}
    assert [span.name for span in spans if not span.parent] == ["webhook"]
    assert all(span.parent in ids for span in spans if span.parent)
    parents = {span.name: ids[span.parent].name for span in spans if span.parent}
    assert parents == {
        "decide": "webhook",
        "RUN acme/shop": "webhook",
        "test": "RUN acme/shop",
        "make": "test",
        "make test": "test",
        "publish": "RUN acme/shop",
    }


def test_another_process_makes_the_same_ids() -> None:
    assert whole() == whole()
    assert {len(span.trace) for span in whole()} == {16}
    assert {len(span.id) for span in whole()} == {8}


def test_another_attempt_is_another_run_in_the_same_trace() -> None:
    again = replace(JOB, id="j2", attempt=2)
    first, second = (
        of_run(replace(RUN, jobs=(job,)), Took(Status.FAILED, 1.0), 30.0) for job in (JOB, again)
    )
    assert first.id != second.id
    assert first.trace == second.trace
    assert of_job(RUN, again)[0].parent == second.id


def test_names_are_those_of_the_conventions() -> None:
    known = {
        value
        for module in (cicd_attributes, vcs_attributes)
        for name, value in vars(module).items()
        if name.isupper()
    }
    used = {name for span in whole() for name in of_repository(span, "u").attributes}
    assert {name for name in used if name.startswith(("cicd.", "vcs."))} <= known
    assert {
        "cicd.pipeline.run.id", "cicd.pipeline.task.name", "vcs.repository.url.full",
        "vcs.ref.head.revision", "vcs.change.id",
    } <= used  # fmt: skip
    results = {result.value for result in cicd_attributes.CicdPipelineResultValues}
    for status in Status:
        if status.is_final:
            assert of_run(RUN, Took(status, 1.0), 2.0).attributes["cicd.pipeline.result"] in results


def test_what_failed_says_why() -> None:
    failures = {span.name: span.failure for span in whole()}
    assert failures["make test"] == "exit code 3"
    assert failures["make"] == ""
    tolerated = replace(JOB, steps=(replace(STEPS[1], tolerated=True),))
    assert of_job(RUN, tolerated)[1].failure == ""


def test_a_job_that_never_started_is_no_span() -> None:
    assert of_job(RUN, replace(JOB, started_at=None)) == []


def test_no_text_escapes_the_mask() -> None:
    def mask(text: str) -> str:
        return text.replace("hunter2", "***")

    run = replace(RUN, title="hunter2", ref="hunter2")
    job = replace(JOB, name="hunter2", reason="hunter2", steps=(replace(STEPS[0], name="hunter2"),))
    for span in [*of_job(run, job), of_report(run, "hunter2", "x", 1.0, 2.0)]:
        assert "hunter2" not in repr(masked_span(span, mask))
