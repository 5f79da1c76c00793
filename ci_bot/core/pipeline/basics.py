"""The keys that every pipeline is made of, with their words: what features add stands in `features/`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ci_bot.core.pipeline.env import env, secrets
from ci_bot.core.pipeline.events import on
from ci_bot.core.pipeline.features.concurrency import CONCURRENCY
from ci_bot.core.pipeline.features.feature import Key
from ci_bot.core.pipeline.features.schemas import (
    DURATION,
    ENV,
    FLAG,
    IMAGE,
    JOB_ID,
    NAME,
    SCRIPT,
    SECRETS,
    TEXT,
    Schema,
    alone_or_listed,
    described,
)
from ci_bot.core.pipeline.image import image
from ci_bot.core.pipeline.job import read_needs, read_steps
from ci_bot.core.pipeline.limits import DEFAULT_LIMITS
from ci_bot.core.pipeline.on_schema import on_schema
from ci_bot.core.pipeline.scalars import duration, one_line, script, workdir
from ci_bot.core.pipeline.top import INCLUDE, read_jobs, read_version
from ci_bot.core.pipeline.value import flag

#: Where the schema of a file keeps those of a job and of a step.
JOB: Final[Schema] = {"$ref": "#/$defs/job"}
STEP: Final[Schema] = {"$ref": "#/$defs/step"}

_NEED: Final[dict[str, Any]] = {
    "anyOf": [
        TEXT,
        {
            "type": "object",
            "properties": {
                "job": described(TEXT, "The id of the job."),
                "optional": described(
                    FLAG, "`true`: it may also have been skipped by its own condition."
                ),
            },
            "required": ["job"],
            "additionalProperties": False,
        },
    ]
}

VERSION: Final = Key(
    name="version",
    read=read_version,
    schema={"enum": [1, "1"]},
    about="The version of this language; there is only `1`. Optional.",
    example="""\
version: 1
jobs:
  test:
    steps: [echo tested]
""",
)
FILE_NAME: Final = Key(
    name="name",
    read=one_line,
    schema=NAME,
    about="Shown in reports. Default: the repository's name.",
    example="""\
name: Shop
jobs:
  test:
    steps: [echo tested]
""",
)
ON: Final = Key(
    name="on",
    read=on,
    schema=on_schema(),
    about=(
        "What starts it: the name of an [event](#events), a list of them, or a map whose values say more. "
        "Default: `[push, pull_request]`."
    ),
    example="""\
on: [push, pull_request, tag]
jobs:
  test:
    steps: ['echo "started by: $CI_EVENT"']
""",
)
FILE_IMAGE: Final = Key(
    name="image",
    read=image,
    schema=IMAGE,
    about="The image of every job that names none. Default: the server's `default_image`.",
    example="""\
image: alpine:3.22
jobs:
  test:
    steps: [cat /etc/passwd]
""",
)
FILE_ENV: Final = Key(
    name="env",
    read=env,
    schema=ENV,
    about="[Environment variables](#environment-variables) of every step.",
    example="""\
env:
  GREETING: Hello
  RELEASE: 1.10
jobs:
  test:
    steps: ['test "$GREETING $RELEASE" = "Hello 1.10"']
""",
)
JOBS: Final = Key(
    name="jobs",
    read=read_jobs,
    schema={
        "type": "object",
        "propertyNames": JOB_ID,
        "additionalProperties": JOB,
        "minProperties": 1,
        "maxProperties": DEFAULT_LIMITS.jobs,
    },
    about=(
        "A map of id → [job](#job), at least one. An id has up to 63 letters, digits, `_`, `.` and `-`, "
        "begins with a letter or a digit, and differs from the others in more than case. Jobs that do not "
        "need each other run at the same time."
    ),
    example="""\
jobs:
  lint:
    steps: [echo linted]
  test:
    steps: [echo tested]
""",
)
FILE_CONCURRENCY: Final = replace(
    CONCURRENCY.keys[0],
    example="""\
concurrency: {group: "docs-${{ branch }}", when-full: cancel-older}
jobs:
  docs:
    steps: [echo the newest run of the branch counts]
""",
)
TOP_KEYS: Final = (VERSION, FILE_NAME, ON, FILE_IMAGE, FILE_ENV, JOBS, INCLUDE, FILE_CONCURRENCY)

JOB_NAME: Final = Key(
    name="name",
    read=one_line,
    schema=NAME,
    about="Shown in reports. Default: the id.",
    example="""\
jobs:
  test:
    name: Unit tests
    steps: [echo tested]
""",
)
JOB_IMAGE: Final = Key(
    name="image",
    read=image,
    schema=IMAGE,
    about="The image of its steps, as `docker pull` takes it.",
    example="""\
jobs:
  test:
    image: alpine:3.22
    steps: [cat /etc/passwd]
""",
)
NEEDS: Final = Key(
    name="needs",
    read=read_needs,
    schema=alone_or_listed(_NEED),
    about=(
        "The job, or a list of the jobs, that must have succeeded before this one starts. "
        "`{job: ID, optional: true}` may also have been skipped by its own condition."
    ),
    example="""\
jobs:
  build:
    steps: [echo built]
  deploy:
    needs: build
    steps: [echo deployed]
""",
)
JOB_ENV: Final = Key(
    name="env",
    read=env,
    schema=ENV,
    about="[Environment variables](#environment-variables) of its steps; they win over the file's.",
    example="""\
env: {LEVEL: file}
jobs:
  test:
    env: {LEVEL: job}
    steps: ['test "$LEVEL" = job']
""",
)
JOB_SECRETS: Final = Key(
    name="secrets",
    read=secrets,
    schema=SECRETS,
    about=(
        "The names of stored [secrets](#secrets): each of its steps gets them as variables of the same "
        "name."
    ),
    example="""\
jobs:
  release:
    secrets: [NPM_TOKEN]
    steps: ['test -n "$NPM_TOKEN"']
""",
)
STEPS: Final = Key(
    name="steps",
    read=read_steps,
    schema={"type": "array", "items": STEP, "minItems": 1, "maxItems": DEFAULT_LIMITS.steps},
    about=(
        "A list of [steps](#step), at least one. They run one after the other, each in a container of its "
        "own, in one workspace with the commit under test checked out; a step that fails ends the job."
    ),
    example="""\
jobs:
  test:
    steps:
      - echo made > made.txt
      - name: The workspace is shared
        run: cat made.txt
""",
)
JOB_TIMEOUT: Final = Key(
    name="timeout",
    read=duration,
    schema=DURATION,
    about=(
        "`90s`, `30m` or `2h`: what the job may take in all. Default: `60m`, and never more than the "
        "server allows (`6h` unless set otherwise)."
    ),
    example="""\
jobs:
  test:
    timeout: 10m
    steps: [echo tested]
""",
)
JOB_KEYS: Final = (JOB_NAME, JOB_IMAGE, NEEDS, JOB_ENV, JOB_SECRETS, STEPS, JOB_TIMEOUT)

STEP_NAME: Final = Key(
    name="name",
    read=one_line,
    schema=NAME,
    about="Shown in reports. Default: the first line of `run`.",
    example="""\
jobs:
  test:
    steps:
      - name: Unit tests
        run: echo tested
""",
)
RUN: Final = Key(
    name="run",
    read=script,
    schema=SCRIPT,
    about=(
        "The script, for `sh -e`: it ends with the first command that fails. With `|` it has many lines. "
        "A step that is plain text is its `run`."
    ),
    example="""\
jobs:
  test:
    steps:
      - echo one
      - run: |
          echo two
          echo three
""",
)
STEP_IMAGE: Final = Key(
    name="image",
    read=image,
    schema=IMAGE,
    about="The image of this step; it wins over the job's.",
    example="""\
jobs:
  test:
    steps:
      - echo built > result
      - run: cat result
        image: debian:stable-slim
""",
)
STEP_ENV: Final = Key(
    name="env",
    read=env,
    schema=ENV,
    about="[Environment variables](#environment-variables) of this step; they win over the job's.",
    example="""\
jobs:
  test:
    env: {LEVEL: job}
    steps:
      - run: test "$LEVEL" = step
        env: {LEVEL: step}
      - test "$LEVEL" = job
""",
)
STEP_SECRETS: Final = Key(
    name="secrets",
    read=secrets,
    schema=SECRETS,
    about="As for jobs; a secret of a step is seen by that step alone.",
    example="""\
jobs:
  release:
    steps:
      - run: test -n "$SIGNING_KEY"
        secrets: [SIGNING_KEY]
      - test -z "$SIGNING_KEY"
""",
)
STEP_TIMEOUT: Final = Key(
    name="timeout",
    read=duration,
    schema=DURATION,
    about="What the step may take, as for jobs. Default: what is left of the job's time.",
    example="""\
jobs:
  test:
    steps:
      - run: echo waiting; sleep 60
        timeout: 1s
""",
    ends="timed_out",
)
WORKDIR: Final = Key(
    name="workdir",
    read=workdir,
    schema={**TEXT, "pattern": r"^(?!\s*$)[^/]"},
    about="A directory of the workspace to run in, relative to it. Default: `.`, the workspace itself.",
    example="""\
jobs:
  test:
    steps:
      - mkdir -p src
      - run: test "$PWD" = "$CI_WORKSPACE/src"
        workdir: src
""",
)
CONTINUE_ON_ERROR: Final = Key(
    name="continue-on-error",
    read=flag,
    schema=FLAG,
    about="`true`: when the step fails, that is reported and the job goes on as if it had passed.",
    example="""\
jobs:
  test:
    steps:
      - run: "echo 'a warning, no more'; exit 1"
        continue-on-error: true
      - echo tested
""",
)
STEP_KEYS: Final = (
    STEP_NAME,
    RUN,
    STEP_IMAGE,
    STEP_ENV,
    STEP_SECRETS,
    STEP_TIMEOUT,
    WORKDIR,
    CONTINUE_ON_ERROR,
)
