"""`environment`: the name of what a job deploys to."""

from __future__ import annotations

import pytest

from ci_bot.core.pipeline.features.environment import MOST
from tests.core.pipeline.examples import complaints, job, read_text


def test_it_is_the_name_of_the_environment() -> None:
    pipeline = read_text(job("environment: eu/production")).pipeline
    assert pipeline is not None
    assert pipeline.jobs[0].environment == "eu/production"


def test_without_it_a_job_deploys_nothing() -> None:
    pipeline = read_text(job("timeout: 5m")).pipeline
    assert pipeline is not None
    assert pipeline.jobs[0].environment == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('environment: ""', "4:18: jobs.build.environment: must not be empty"),
        ("environment: {A: b}", "4:18: jobs.build.environment: must be the name of one, not a map; variables stand under env"),
        ("environment: [a]", "4:18: jobs.build.environment: must be text, not a list"),
        (f"environment: {'x' * (MOST + 1)}", f"4:18: jobs.build.environment: is {MOST + 1} characters long; at most {MOST} are shown; shorten it"),
    ],
)  # fmt: skip
def test_what_is_wrong(line: str, expected: str) -> None:
    assert complaints(job(line)) == [expected]
