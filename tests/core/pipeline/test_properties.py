"""Whatever the bytes are: a pipeline or problems, each at a place in the file; plans respect needs."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_bot.core.pipeline import Reading, plan, read
from ci_bot.core.suggest import closest
from tests.core.occasions import occasion

EXAMPLES = settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))

VALID = """\
# A file with every key.
version: 1
name: Project
on:
  push:
  pull_request: {}
  tag:
  manual:
    inputs:
      target: {default: staging, options: [staging, production]}
      note:
image: &image golang:1.24
env: {A: 1.10, B: "two", C: yes, T: "to ${{ inputs.target }}"}
x-step: &step
  run: |
    make
    make test
  env: &env {D: x}
jobs:
  build:
    name: Build it
    timeout: 30m
    steps:
      - go mod tidy
      - name: Test
        <<: *step
        workdir: src
        continue-on-error: true
      - {run: 'x', image: *image, timeout: 90s}
  deploy:
    needs: [build]
    env: *env
    steps: ["docker build -t app .", 'docker push app']
"""

#: What YAML and our language give a meaning to, and what trips scanners.
PIECES = [
    *("jobs", "steps", "run", "needs", "env", "on", "image", "build", "name", "timeout", "matrix"),
    *("manual", "inputs", "default", "options", "${{", "}}", "${{ inputs.", "inputs.target"),
    *(": ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ", "? ", "|", ">", "'", '"', "#"),
    *(
        "&a",
        "*a",
        "<<",
        "!x",
        "!!str",
        "%TAG",
        "---",
        "...",
        "~",
        "true",
        "1.10",
        "@",
        "`",
        "\\x",
        "\t",
    ),
    *("\r", "\r\n", "\0", "é", "😀", "\ufeff", "\u2028", "\x85", "\xa0", "\u202e", " ", "x" * 300),
]


def check(raw: bytes, reading: Reading) -> None:
    assert (reading.pipeline is None) == bool(reading.problems or reading.wanted)
    lines = re.split(r"\r\n|\r|\n", raw.decode(errors="replace").removeprefix("\ufeff"))
    places = [(problem.line, problem.column) for problem in reading.problems]
    assert places == sorted(places)
    for problem in reading.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert str(problem).isprintable()
    if reading.pipeline:
        check_jobs(reading)


def check_jobs(reading: Reading) -> None:
    assert reading.pipeline
    planned = plan(reading.pipeline, occasion(min(reading.pipeline.on)))
    told = [text for job in planned.jobs for step in job.steps for text in step.env.values()]
    defaults = "".join(each.default or "" for each in reading.pipeline.inputs)
    assert not any("${{" in text for text in told if "${{" not in defaults)
    done: set[str] = set()
    for job in reading.pipeline.jobs:
        assert done.issuperset(job.needs)
        assert job.steps
        assert all(step.run.strip() and step.name and step.image for step in job.steps)
        done.add(job.id)


@EXAMPLES
@given(st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    check(raw, read(raw, default_image="alpine"))


@EXAMPLES
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_anything_like_yaml(text: str) -> None:
    check(text.encode(), read(text.encode(), default_image="alpine"))


@st.composite
def mutations(draw: st.DrawFn) -> str:
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 30)))
        put = draw(st.one_of(st.just(""), st.sampled_from(PIECES), st.just(text[start:end] * 2)))
        text = text[:start] + put + text[end:]
    return text


@EXAMPLES
@given(mutations())
def test_a_valid_file_with_mistakes(text: str) -> None:
    check(text.encode(), read(text.encode(), default_image="alpine"))


def test_the_file_that_is_mutated_is_valid() -> None:
    reading = read(VALID.encode(), default_image="alpine")
    check(VALID.encode(), reading)
    assert reading.pipeline
    assert [job.id for job in plan(reading.pipeline, occasion("push")).jobs] == ["build", "deploy"]


@EXAMPLES
@given(st.lists(st.lists(st.integers(0, 7), unique=True, max_size=3), min_size=8, max_size=8))
def test_needs_make_an_order_or_a_circle_is_told(graph: list[list[int]]) -> None:
    rows = (
        f"  j{n}: {{steps: [x], needs: {[f'j{need}' for need in needs]}}}\n"
        for n, needs in enumerate(graph)
    )
    raw = ("jobs:\n" + "".join(rows)).encode()
    reading = read(raw, default_image="alpine")
    check(raw, reading)
    try:
        TopologicalSorter(dict(enumerate(graph))).prepare()
    except CycleError:
        told = " ".join(problem.message for problem in reading.problems)
        assert "in a circle" in told or "cannot need itself" in told
    else:
        assert reading.pipeline


@EXAMPLES
@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=20))
def test_suggestions_are_among_the_known(word: str, known: list[str]) -> None:
    found = closest(word, known)
    assert found is None or found in known
