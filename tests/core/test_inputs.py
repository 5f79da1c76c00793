"""`${{ inputs.NAME }}` in `env` and the values that take its place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.inputs import MAX_INPUT, PLACEHOLDER, defaults, filled, input_named, is_value
from ci_bot.core.pipeline import offered, plan, read
from ci_bot.core.planned import Input, Job, Pipeline, Step
from tests.core.occasions import occasion

TEXT = b"""\
on:
  push:
  manual:
    inputs:
      target: {default: staging, options: [staging, production]}
      note:
env: {TARGET: "${{ inputs.target }}"}
jobs:
  deploy:
    env: {NOTE: "<${{inputs.note}}>"}
    steps:
      - run: echo "$TARGET"
        env: {BOTH: "${{ inputs.target }}-${{ inputs.note }}", COST: $5, BRACES: "}}{{"}
"""


def pipeline() -> Pipeline:
    reading = read(TEXT, default_image="img")
    assert reading.pipeline, reading.problems
    return reading.pipeline


def test_they_are_read_with_defaults_and_options() -> None:
    assert pipeline().on == {"push", "manual"}
    assert pipeline().inputs == (
        Input("target", "staging", ("staging", "production")),
        Input("note"),
    )


def test_what_is_offered_has_no_values_yet_and_what_is_planned_has_the_defaults() -> None:
    assert offered(pipeline()).inputs == pipeline().inputs
    planned = plan(pipeline(), occasion("push"))
    assert planned.inputs == ()
    assert dict(planned.jobs[0].steps[0].env) == {
        "TARGET": "staging",
        "NOTE": "<>",
        "BOTH": "staging-",
        "COST": "$5",
        "BRACES": "}}{{",
    }


def test_values_reach_variables_of_every_level_and_no_script() -> None:
    (job,) = filled(pipeline().jobs, {"target": "production", "note": "now"})
    env = job.steps[0].env
    assert (env["TARGET"], env["NOTE"], env["BOTH"]) == ("production", "<now>", "production-now")
    assert job.steps[0].run == pipeline().jobs[0].steps[0].run


def test_a_value_that_looks_like_an_input_is_a_value() -> None:
    (job,) = filled(pipeline().jobs, {"target": "${{ inputs.note }}", "note": "evil"})
    assert job.steps[0].env["TARGET"] == "${{ inputs.note }}"


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("inputs.a", "a"),
        (" inputs.a-b_C1 ", "a-b_C1"),
        ("inputs.1", None),
        ("inputs.", None),
        ("inputs.a.b", None),
        ("input.a", None),
        ("a", None),
        ("", None),
        ("inputs.a || 'x'", None),
    ],
)
def test_names_are_names(inside: str, name: str | None) -> None:
    assert input_named(inside) == name


def test_inputs_without_values_are_empty() -> None:
    assert defaults((Input("a"), Input("b", "x"))) == {"a": "", "b": "x"}


@given(st.text())
def test_a_value_is_one_visible_line_that_an_environment_can_hold(text: str) -> None:
    if is_value(text):
        assert len(text.splitlines()) <= 1
        assert "\0" not in text
        assert len(text.encode()) <= MAX_INPUT


@given(st.text(alphabet="${}inputs.ab "), st.text(max_size=20))
def test_filling_replaces_what_is_named_and_leaves_the_rest(text: str, value: str) -> None:
    names = [input_named(inside) for inside in PLACEHOLDER.findall(text)]
    if None in names:
        return
    step = Step("s", "make", "img", env={"A": text})
    (job,) = filled([Job("j", "j", (step,))], {str(name): value for name in names})
    rest = PLACEHOLDER.split(text)[::2]
    assert job.steps[0].env["A"] == value.join(rest)


def test_a_file_of_openings_takes_no_time() -> None:
    for hostile in ("${{" * 20_000, "${{ " + "a" * 60_000, "${{ inputs.a" * 5_000):
        text = f"env: {{A: '{hostile}'}}\njobs: {{build: {{steps: [make]}}}}\n".encode()
        began = time.process_time()
        assert read(text, default_image="img").pipeline is None
        assert time.process_time() - began < 5


def test_inputs_that_would_make_a_large_plan_are_refused() -> None:
    many = ", ".join(f"V{n}: '${{{{ inputs.a }}}}'" for n in range(200))
    steps = ", ".join(["make"] * 100)
    text = (
        f"on: {{manual: {{inputs: {{a: }}}}}}\nenv: {{{many}}}\njobs: {{build: {{steps: [{steps}]}}}}\n"
    )
    (problem,) = read(text.encode(), default_image="img").problems
    assert "all scripts and environments take more than 4 MiB" in str(problem)
