"""`allow-failure`: a job that is reported, but does not fail its run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.value import flag
from ci_bot.core.planned import Job

_EXAMPLE: Final = """\
jobs:
  nightly-compiler:
    allow-failure: true
    steps:
      - run: "echo 'this compiler is not released yet'; exit 1"
"""


def _lower(job: Job, said: Said) -> Job:
    return replace(job, allow_failure=said.get("allow-failure", False))


ALLOW_FAILURE: Final = JobFeature(
    keys=(
        Key(
            name="allow-failure",
            read=flag,
            schema={"type": "boolean", "default": False},
            about=(
                "`true`: when the job fails, that is reported and the run goes on as if it had passed; "
                "jobs that need it start."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
