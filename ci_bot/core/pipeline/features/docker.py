"""`docker`: a container engine of the job's own, for building images."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.value import Value, flag
from ci_bot.core.planned import ENGINE_NAME, Job

_EXAMPLE: Final = """\
jobs:
  image:
    image: docker:28-cli
    docker: true
    steps:
      - docker version --format '{{.Server.Version}}'
"""


def _check(value: Value, said: Said) -> None:
    names = [service.name for service in said.get("services", ())]
    if said.get("docker") and ENGINE_NAME in names:
        hint = "give the service another name"
        value.wrong_key(f'the service "{ENGINE_NAME}" stands where the job\'s own engine is', hint)


def _lower(job: Job, said: Said) -> Job:
    return replace(job, engine=said.get("docker", False))


DOCKER: Final = JobFeature(
    keys=(
        Key(
            name="docker",
            read=flag,
            schema={"type": "boolean", "default": False},
            about=(
                "`true`: the job gets a container engine of its own, for building images; `DOCKER_HOST` "
                "(`BUILDKIT_HOST` where it is BuildKit) says where, and the steps' image brings the "
                "client. It begins empty and ends with the job. It is off unless the operator "
                "[allows it for the repository](operations.md#engines-for-building-images), and commits of outsiders never get one."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
    check=_check,
)
