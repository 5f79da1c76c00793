"""What a feature of the language is: keys with their readers and words, and how they are lowered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ci_bot.core.pipeline.features.schemas import Schema
from ci_bot.core.pipeline.value import Value
from ci_bot.core.planned import Job, Step

#: What was read of one level, by key; a key is missing where the file does not say it, or says it wrong.
Said: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one level: how its value is read, and what people and editors are told of it.

    `read` returns None where the value is wrong, having reported that. `example` is a whole
    `.ci.yaml` that shows the key at work; a test plans and runs it.
    """

    name: str
    read: Callable[[Value], Any]
    schema: Schema
    about: str  # Markdown, one to three sentences
    example: str = ""
    ends: str = "succeeded"  # how a run of the example ends
    beside: Mapping[str, str] = field(default_factory=dict)  # other files that the example needs


def unchanged_job(job: Job, said: Said) -> Job:
    return job


def unchanged_step(step: Step, said: Said) -> Step:
    return step


def nothing(value: Value, said: Said) -> None:
    """Nothing is asked of the keys together."""


@dataclass(frozen=True, slots=True)
class JobFeature:
    """Keys of a job that belong together.

    `check` reports what is wrong with what they, or they and other keys, say together (`value` is the
    job's); `lower` writes what they mean into the plain job, whose other fields are filled already.
    """

    keys: tuple[Key, ...]
    lower: Callable[[Job, Said], Job] = unchanged_job
    check: Callable[[Value, Said], None] = nothing


@dataclass(frozen=True, slots=True)
class StepFeature:
    """Keys of a step that belong together; as `JobFeature`."""

    keys: tuple[Key, ...]
    lower: Callable[[Step, Said], Step] = unchanged_step
    check: Callable[[Value, Said], None] = nothing
