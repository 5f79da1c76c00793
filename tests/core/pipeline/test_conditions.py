"""`if`, planned: what is decided for an event, and what waits for other jobs."""

from __future__ import annotations

from ci_bot.core.conditions import patterns_of
from ci_bot.core.forecast import Would, forecast
from ci_bot.core.occasion import NOT_ASKED, Changed
from ci_bot.core.pipeline import plan
from ci_bot.core.planned import Pipeline, Plan
from tests.core.occasions import occasion
from tests.core.pipeline.examples import read_text

FILE = """\
on: {push: , manual: {inputs: {level: {default: low}}}}
jobs:
  test:
    steps: [make, {run: tell, if: failure()}, {run: deploy, if: branch == "main"}]
  docs:
    if: changes("docs/**")
    steps: [make]
  deploy:
    needs: test
    if: event == "push" && branch == "main"
    steps: [make]
  after:
    needs: [deploy]
    steps: [make]
  tell:
    needs: [test, deploy]
    if: always() && inputs.level == "low"
    steps: [{run: make, if: 'changes("src/**")'}]
"""


def pipeline(text: str = FILE) -> Pipeline:
    reading = read_text(text)
    assert reading.pipeline, reading.problems
    return reading.pipeline


def of(event: str = "push", branch: str = "dev", changed: Changed = NOT_ASKED) -> Plan:
    return plan(pipeline(), occasion(event, changed, branch=branch))


def decided(planned: Plan) -> dict[str, tuple[str, str]]:
    return {job.id: (job.skip, job.condition) for job in planned.jobs}


def test_what_the_event_decides_is_decided_and_the_rest_waits() -> None:
    found = decided(of(changed=Changed(("README.md", "src/a"))))
    assert found == {
        "test": ("", ""),
        "docs": ("if: none of 2 changed files match docs/**", ""),
        "deploy": ('if: branch is "dev", not "main"', ""),
        "after": ("", ""),
        "tell": ("", 'always() && inputs.level == "low"'),
    }
    assert decided(of(branch="main"))["deploy"] == ("", "")


def test_where_nobody_can_tell_every_path_counts_as_changed() -> None:
    assert decided(of(changed=Changed(None, "too many")))["docs"] == ("", "")


def test_the_answers_for_later_are_kept_and_the_files_are_not() -> None:
    facts = of(changed=Changed(("src/a",))).facts
    assert facts is not None
    assert facts.changes == {"docs/**": False, "src/**": True}
    assert facts.inputs == {"level": "low"}
    assert patterns_of(pipeline().jobs) == ("docs/**", "src/**")


def test_a_plan_of_skipped_jobs_says_so() -> None:
    one = plan(pipeline("jobs: {a: {if: false, steps: [x]}}"), occasion("push"))
    assert one.reason == "if: it is false"
    two = plan(
        pipeline("jobs: {a: {if: false, steps: [x]}, b: {if: draft, steps: [x]}}"), occasion("push")
    )
    assert two.reason == "no job's condition holds for this event"


def test_a_condition_that_has_no_answer_is_left_to_fail_its_job() -> None:
    planned = plan(pipeline('jobs: {a: {if: "1/0 == 1", steps: [x]}}'), occasion("push"))
    assert decided(planned) == {"a": ("", "1/0 == 1")}
    (one,) = forecast(planned)
    assert (one.would, one.reason) == (
        Would.NOT_RUN,
        "fails: if: 1/0 == 1 has no answer: divide by zero",
    )


def test_a_forecast_says_of_each_job_and_step_whether_it_would_run() -> None:
    found = {one.job.id: one for one in forecast(of())}
    assert {id: one.would for id, one in found.items()} == {
        "test": Would.RUN,
        "docs": Would.RUN,
        "deploy": Would.NOT_RUN,
        "after": Would.NOT_RUN,
        "tell": Would.DEPEND,
    }
    assert found["after"].reason == 'needs "deploy", which was skipped'
    assert [(step.would, step.reason) for step in found["test"].steps] == [
        (Would.RUN, ""),
        (Would.DEPEND, "if: failure()"),
        (Would.NOT_RUN, 'if: branch is "dev", not "main"'),
    ]
