"""A pipeline and what happened → the Plan: what runs, or in words why nothing does."""

from __future__ import annotations

from ci_bot.core.concurrency import on_branch
from ci_bot.core.inputs import defaults, filled
from ci_bot.core.occasion import Occasion
from ci_bot.core.pipeline.events import EVENTS
from ci_bot.core.planned import Pipeline, Plan


def plan(pipeline: Pipeline, occasion: Occasion) -> Plan:
    """What this event makes of it. Where nothing runs, the plan's `reason` says why."""
    event = occasion.facts.event
    if event not in pipeline.on:
        reason = f'"on" names {_listed(pipeline.on)}, not {event}'
        return Plan(pipeline.name, (), reason, pipeline.file)
    jobs = filled(pipeline.jobs, defaults(pipeline.inputs))
    made = Plan(
        pipeline.name,
        jobs,
        file=pipeline.file,
        facts=occasion.facts,
        concurrency=pipeline.concurrency,
    )
    return on_branch(made, occasion.facts.branch)


def offered(pipeline: Pipeline) -> Plan:
    """All jobs of a pipeline, whatever starts them; its inputs and its branch have no values yet."""
    return Plan(
        pipeline.name,
        pipeline.jobs,
        file=pipeline.file,
        inputs=pipeline.inputs,
        concurrency=pipeline.concurrency,
    )


def _listed(names: frozenset[str]) -> str:
    *others, last = (name for name in EVENTS if name in names)
    return f"{', '.join(others)} and {last}" if others else last
