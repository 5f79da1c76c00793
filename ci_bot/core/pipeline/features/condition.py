"""`if`: a condition on which a job, or a step, runs. What it may name is checked in `pipeline.conditions`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.conditions.language import MAX_LENGTH
from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said, StepFeature
from ci_bot.core.pipeline.features.schemas import SCRIPT
from ci_bot.core.pipeline.tree import Mark, Scalar
from ci_bot.core.pipeline.value import Value, text
from ci_bot.core.planned import Job, Step

IF: Final = "if"
SCHEMA: Final = {**SCRIPT, "maxLength": MAX_LENGTH}

_JOB_EXAMPLE: Final = """\
jobs:
  test:
    steps: [echo testing]
  deploy:
    needs: test
    if: event == "push" && branch == "main"
    steps: [echo deploying]
  tell:
    needs: [test, {job: deploy, optional: true}]
    if: always() && needs["deploy"].result != "failure"
    steps: [echo nothing went wrong]
"""
_STEP_EXAMPLE: Final = """\
jobs:
  test:
    steps:
      - run: echo testing
      - if: failure()
        run: echo "what is left of it:" && ls
      - if: always()
        run: echo tidying up
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A condition, and where it stands."""

    text: str
    mark: Mark
    path: str


def _condition(value: Value) -> Written | None:
    """A plain `true` or `false` is a condition, too."""
    if isinstance(value.node, Scalar) and value.node.as_bool is not None:
        return Written(str(value.node.as_bool).lower(), value.node.mark, value.path)
    written = text(value)
    if written is None:
        return None
    if not written.strip():
        value.wrong("the condition is empty", "remove it, or write true")
        return None
    return Written(written.rstrip(), value.node.mark, value.path)


def _lower_job(job: Job, said: Said) -> Job:
    return replace(job, condition=said[IF].text) if IF in said else job


def _lower_step(step: Step, said: Said) -> Step:
    return replace(step, condition=said[IF].text) if IF in said else step


JOB_CONDITION: Final = JobFeature(
    keys=(
        Key(
            name=IF,
            read=_condition,
            schema=SCHEMA,
            about=(
                "A [condition](#conditions): the job runs only if it holds, and else says why not. It is "
                "decided when its needs have ended; all of them must have succeeded, unless it calls "
                "`success()`, `failure()`, `cancelled()` or `always()`. A condition without an answer (`1/0`) "
                "fails the job."
            ),
            example=_JOB_EXAMPLE,
        ),
    ),
    lower=_lower_job,
)
STEP_CONDITION: Final = StepFeature(
    keys=(
        Key(
            name=IF,
            read=_condition,
            schema=SCHEMA,
            about=(
                "A [condition](#conditions): the step runs only if it holds. After a step that failed only "
                "those run whose condition calls `failure()` or `always()`; after a cancel, `cancelled()` or "
                "`always()`. What runs after a cancel, or after the job's time is over, has 5 minutes in all."
            ),
            example=_STEP_EXAMPLE,
        ),
    ),
    lower=_lower_step,
)
