"""Inputs of jobs that are started by hand: `${{ inputs.NAME }}` in `env`, and the values that take its place.

They are data: they reach variables of the environment and nothing else, each text is gone through once,
and what a value says is never looked into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ci_bot.core.planned import Input, Job, Step

#: Longer ones would let a short file make a large plan: a value may stand in every step.
MAX_INPUT: Final = 255  # bytes

#: No brace inside, so that it is found in linear time.
PLACEHOLDER: Final = re.compile(r"\$\{\{([^{}]*)\}\}")
OPENING: Final = "${{"
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_REFERENCE: Final = re.compile(rf"\s*inputs\.({NAME.pattern})\s*")


def input_named(inside: str) -> str | None:
    """The name in "inputs.NAME", the text between the braces; None for anything else."""
    found = _REFERENCE.fullmatch(inside)
    return found[1] if found else None


def is_value(text: str) -> bool:
    """Whether a variable of a process may be given this text as an input: one line, bounded, all visible."""
    return text.isprintable() and len(text.encode()) <= MAX_INPUT


def defaults(inputs: Sequence[Input]) -> Mapping[str, str]:
    """What stands in runs that nobody gave values: the defaults, and "" where there is none."""
    return {each.name: each.default or "" for each in inputs}


def filled(jobs: Sequence[Job], values: Mapping[str, str]) -> tuple[Job, ...]:
    """The jobs with every `${{ inputs.NAME }}` replaced. What nobody declared stays as it is written."""
    return tuple(replace(job, steps=tuple(_filled(step, values) for step in job.steps)) for job in jobs)


def _filled(step: Step, values: Mapping[str, str]) -> Step:
    if not any(OPENING in text for text in step.env.values()):
        return step
    return replace(step, env={name: _replaced(text, values) for name, text in step.env.items()})


def _replaced(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return values.get(input_named(found[1]) or "", found[0])

    return PLACEHOLDER.sub(value, text)
