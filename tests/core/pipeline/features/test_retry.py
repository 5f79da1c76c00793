"""`retry`."""

from __future__ import annotations

import pytest

from ci_bot.core.planned import Retry
from tests.core.pipeline.examples import complaints, job, read_text

R = "jobs.build.retry"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2", Retry(2)),
        ("0", Retry(0)),
        ("{limit: 3}", Retry(3)),
        ("{limit: 10, on: 75}", Retry(10, (75,))),
        ("{limit: 1, on: [75, 255, 75]}", Retry(1, (75, 255))),
    ],
)
def test_how_often_and_after_which_exit_codes(written: str, meant: Retry) -> None:
    found = read_text(job(f"retry: {written}")).pipeline
    assert found
    assert found.jobs[0].retry == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("11", f"4:12: {R}: 11 is too often; a job is tried again at most 10 times; a job that fails so often needs to be mended"),
        ("often", f'4:12: {R}: "often" is not a number of attempts; write one from 0 to 10'),
        ("-1", f'4:12: {R}: "-1" is not a number of attempts; write one from 0 to 10'),
        ("{on: [1]}", f'4:5: {R}: "limit" is missing; write how often to try again, like "limit: 2"'),
        ("{attempts: 2}", f'4:13: {R}.attempts: unknown key "attempts"; did you mean "limit"?'),
        ("{limit: 1, on: [0]}", f'4:28: {R}.on[0]: "0" is not the exit code of a failure; write the exit code of a failed step, from 1 to 255'),
        ("{limit: 1, on: []}", f"4:27: {R}.on: names no exit code; name one, or remove it: then any failure counts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(written: str, told: str) -> None:
    assert complaints(job(f"retry: {written}")) == [told]
