"""`environment`: a job that deploys, reported to the forge as a deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import NAME
from ci_bot.core.pipeline.scalars import one_line
from ci_bot.core.pipeline.tree import Pairs
from ci_bot.core.pipeline.value import Value
from ci_bot.core.planned import Job

MOST: Final = 100  # characters; GitHub takes 255, and a page should hold it

_EXAMPLE: Final = """\
jobs:
  deploy:
    environment: production
    steps:
      - run: echo "deploying $CI_SHA"
"""


def _environment(value: Value) -> str | None:
    if isinstance(value.node, Pairs):
        value.wrong("must be the name of one, not a map", "variables stand under env")
        return None
    name = one_line(value)
    if name is not None and len(name) > MOST:
        value.wrong(f"is {len(name)} characters long; at most {MOST} are shown", "shorten it")
        return None
    return name


def _lower(job: Job, said: Said) -> Job:
    return replace(job, environment=said.get("environment", ""))


ENVIRONMENT: Final = JobFeature(
    keys=(
        Key(
            name="environment",
            read=_environment,
            schema=NAME,
            about=(
                "The name of the environment that the job deploys to: each attempt is shown on the forge as "
                "a deployment of its commit, in progress, succeeded or failed, with a link to the log. On "
                "GitHub the App needs the permission `deployments: write` for that; without it the job's "
                "check says so, and the job runs all the same. What outsiders wrote is reported as none."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
)
