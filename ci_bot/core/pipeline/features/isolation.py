"""`isolation`: whether each step has a container of its own, or consecutive ones share theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ci_bot.core.pipeline.features.feature import JobFeature, Key, Said
from ci_bot.core.pipeline.features.schemas import Schema
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.tree import Items, Pairs
from ci_bot.core.pipeline.value import Value, items, pairs, text
from ci_bot.core.planned import Job

KINDS: Final = ("step", "job")

_HINT: Final = 'write "step", a container for each step, or "job", one for consecutive steps'
_JOBS_HINT: Final = "give the secret to the whole job, or remove isolation"

_EXAMPLE: Final = """\
jobs:
  quick:
    isolation: job
    steps:
      - (sleep 0.2; echo up > /tmp/state) &
      - until test -e /tmp/state; do sleep 0.1; done
      - cat /tmp/state
"""

#: What a job says besides, for editors: with `isolation: job` no step has a secret of its own.
NO_SECRET_OF_A_STEP: Final[Schema] = {
    "if": {"properties": {"isolation": {"const": "job"}}, "required": ["isolation"]},
    "then": {
        "properties": {
            "steps": {
                "items": {
                    "properties": {
                        "secrets": {"type": "array", "maxItems": 0},
                        "env": {"additionalProperties": {"not": {"type": "object"}}},
                    }
                }
            }
        }
    },
}


def _isolation(value: Value) -> str | None:
    written = text(value)
    if written is not None and written not in KINDS:
        value.wrong(f"{quoted(written)} is no kind of isolation", _HINT)
        return None
    return written


def _check(value: Value, said: Said) -> None:
    if said.get("isolation") != "job":
        return
    for secret in _secrets_of_steps(value):
        message = "a secret of one step is seen by all steps that share its container (isolation: job)"
        secret.wrong_key(message, _JOBS_HINT)


def _secrets_of_steps(job: Value) -> Iterator[Value]:
    """Where steps name secrets. What has another shape than it must have is reported by its reader."""
    for steps in _under(job, "steps"):
        for step in (items(steps) or ()) if isinstance(steps.node, Items) else ():
            yield from (named for named in _under(step, "secrets") if _names_any(named))
            for env in _under(step, "env"):
                yield from (each for _, each in _pairs(env) if isinstance(each.node, Pairs))


def _names_any(secrets: Value) -> bool:
    return not secrets.is_null and not (isinstance(secrets.node, Items) and not secrets.node.nodes)


def _under(value: Value, key: str) -> Iterator[Value]:
    return (each for name, each in _pairs(value) if name == key)


def _pairs(value: Value) -> list[tuple[str, Value]]:
    return (pairs(value) or []) if isinstance(value.node, Pairs) else []


def _lower(job: Job, said: Said) -> Job:
    return replace(job, shares_container=said.get("isolation") == "job")


ISOLATION: Final = JobFeature(
    keys=(
        Key(
            name="isolation",
            read=_isolation,
            schema={"enum": list(KINDS), "default": "step"},
            about=(
                "`step`: each step has a container of its own. `job`: consecutive steps of the same image "
                "[share one](#steps-that-share-a-container), which is faster; they see what the steps before "
                "them left running, and what they wrote outside the workspace. So no step may have a secret of "
                "its own."
            ),
            example=_EXAMPLE,
        ),
    ),
    lower=_lower,
    check=_check,
)
