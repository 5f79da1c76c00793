"""`isolation`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Job, SecretRef
from tests.core.pipeline.examples import complaints, job, read_text

A = "jobs.build"
TOLD = "a secret of one step is seen by all steps that share its container (isolation: job); give the secret to the whole job, or remove isolation"


def planned(text: str) -> Job:
    found = read_text(text).pipeline
    assert found
    return found.jobs[0]


@pytest.mark.parametrize(("written", "shares"), [("step", False), ("job", True), ('"job"', True)])
def test_steps_share_a_container_where_the_job_says_so(written: str, shares: bool) -> None:
    assert planned(job(f"isolation: {written}")).shares_container is shares
    assert planned(job("name: x")).shares_container is False


def test_every_cell_of_a_matrix_does() -> None:
    found = read_text(job("isolation: job\n    matrix: {n: [1, 2]}")).pipeline
    assert found
    assert [cell.shares_container for cell in found.jobs] == [True, True]


def test_secrets_of_the_job_and_of_the_file_go_with_it() -> None:
    text = "env: {A: {secret: A}}\njobs: {build: {isolation: job, secrets: B, env: {C: {secret: D}}, steps: [{run: x, secrets: []}]}}"
    assert planned(text).steps[0].secrets == (
        SecretRef("A", "A"),
        SecretRef("C", "D"),
        SecretRef("B", "B"),
    )


def test_secrets_of_steps_do_not_and_each_is_shown() -> None:
    text = """\
jobs:
  build:
    isolation: job
    steps:
      - run: x
        secrets: TOKEN
      - {run: x, secrets: [TOKEN], env: {PLAIN: x, KEY: {secret: KEY}}}
      - run: x
"""
    assert complaints(text) == [
        f"6:9: {A}.steps[0].secrets: {TOLD}",
        f"7:18: {A}.steps[1].secrets: {TOLD}",
        f"7:52: {A}.steps[1].env.KEY: {TOLD}",
    ]
    assert complaints(text.replace("isolation: job", "isolation: step")) == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("none", f'4:16: {A}.isolation: "none" is no kind of isolation; write "step", a container for each step, or "job", one for consecutive steps'),
        ("", f"4:5: {A}.isolation: has no value; it must be text; give it one, or remove it"),
        ("[job]", f"4:16: {A}.isolation: must be text, not a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(written: str, told: str) -> None:
    assert complaints(job(f"isolation: {written}")) == [told]


def test_what_is_wrong_with_the_steps_is_told_once() -> None:
    for steps in (
        "steps: x",
        "steps: [[x]]",
        "steps: [{run: x, env: 3}]",
        "steps: [{run: x, secrets: }]",
    ):
        text = f"jobs: {{build: {{isolation: job, {steps}}}}}"
        assert [each for each in complaints(text) if "isolation" not in each]
