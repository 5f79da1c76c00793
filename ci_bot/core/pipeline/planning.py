"""A pipeline and what happened → the Plan: what runs, or in words why nothing does."""

from __future__ import annotations

from ci_bot.core.inputs import defaults, filled
from ci_bot.core.occasion import Occasion
from ci_bot.core.pipeline.events import EVENTS
from ci_bot.core.pipeline.selecting import refusal
from ci_bot.core.planned import Filter, Pipeline, Plan


def plan(pipeline: Pipeline, occasion: Occasion) -> Plan:
    """What this event makes of it. Where nothing runs, the plan's `reason` says why."""
    event = occasion.facts.event
    if event not in pipeline.on:
        reason = f'"on" names {_listed(pipeline.on)}, not {event}'
        return Plan(pipeline.name, (), reason, pipeline.file)
    refused = refusal(pipeline.filters.get(event, Filter()), occasion)
    if refused:
        return Plan(pipeline.name, (), refused.reason, pipeline.file, awaits=refused.awaits)
    jobs = filled(pipeline.jobs, defaults(pipeline.inputs))
    return Plan(pipeline.name, jobs, file=pipeline.file, facts=occasion.facts)


def offered(pipeline: Pipeline) -> Plan:
    """All jobs of a pipeline, whatever starts them; its inputs have no values yet."""
    return Plan(pipeline.name, pipeline.jobs, file=pipeline.file, inputs=pipeline.inputs)


def _listed(names: frozenset[str]) -> str:
    *others, last = (name for name in EVENTS if name in names)
    return f"{', '.join(others)} and {last}" if others else last
