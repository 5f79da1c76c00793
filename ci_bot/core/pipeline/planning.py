"""A pipeline and what happened → the Plan: what runs, or in words why nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ci_bot.core.concurrency import on_branch
from ci_bot.core.conditions import decided, with_changes
from ci_bot.core.inputs import defaults, filled
from ci_bot.core.occasion import Occasion
from ci_bot.core.pipeline.events import EVENTS
from ci_bot.core.pipeline.selecting import refusal, why_all_changed
from ci_bot.core.planned import Filter, Job, Pipeline, Plan


def plan(pipeline: Pipeline, occasion: Occasion) -> Plan:
    """What this event makes of it. Where nothing runs, the plan's `reason` says why."""
    event = occasion.facts.event
    if event not in pipeline.on:
        reason = f'"on" names {_listed(pipeline.on)}, not {event}'
        return Plan(pipeline.name, (), reason, pipeline.file)
    refused = refusal(pipeline.filters.get(event, Filter()), occasion)
    if refused:
        return Plan(pipeline.name, (), refused.reason, pipeline.file, awaits=refused.awaits)
    values = {**defaults(pipeline.inputs), **occasion.facts.inputs}
    jobs = filled(pipeline.jobs, values)
    facts = with_changes(replace(occasion.facts, inputs=values), jobs, occasion.changed)
    jobs = decided(jobs, facts, occasion.changed)
    made = Plan(
        pipeline.name,
        jobs,
        _why_none(jobs),
        pipeline.file,
        facts=facts,
        concurrency=pipeline.concurrency,
        all_changed=why_all_changed(pipeline, occasion),
    )
    return on_branch(made, facts.branch)


def _why_none(jobs: Sequence[Job]) -> str:
    if not all(job.skip for job in jobs):
        return ""
    return jobs[0].skip if len(jobs) == 1 else "no job's condition holds for this event"


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
