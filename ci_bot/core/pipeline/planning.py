"""A pipeline and what happened → the Plan: what runs, or in words why nothing does."""

from __future__ import annotations

from ci_bot.core.inputs import defaults, filled
from ci_bot.core.model import Pipeline, Plan
from ci_bot.core.pipeline.events import EVENTS


def plan(pipeline: Pipeline, event: str) -> Plan:
    """`event` is a `RunKind` value. Without jobs, the plan's `reason` says which events start it."""
    if event in pipeline.on:
        jobs = filled(pipeline.jobs, defaults(pipeline.inputs))
        return Plan(pipeline.name, jobs, file=pipeline.file)
    return Plan(pipeline.name, (), f'"on" names {_listed(pipeline.on)}, not {event}', pipeline.file)


def offered(pipeline: Pipeline) -> Plan:
    """All jobs of a pipeline, whatever starts them; its inputs have no values yet."""
    return Plan(pipeline.name, pipeline.jobs, file=pipeline.file, inputs=pipeline.inputs)


def _listed(names: frozenset[str]) -> str:
    *others, last = (name for name in EVENTS if name in names)
    return f"{', '.join(others)} and {last}" if others else last
