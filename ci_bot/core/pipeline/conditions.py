"""Conditions of a file: checked where they stand, and decided for an event as far as that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ci_bot.core.conditions import Known, Values, check, evaluate, reads, why_never
from ci_bot.core.occasion import Changed, Facts
from ci_bot.core.patterns import any_file_matches
from ci_bot.core.pipeline.draft import JobDraft
from ci_bot.core.pipeline.features.condition import IF, Written
from ci_bot.core.pipeline.features.feature import Said
from ci_bot.core.pipeline.value import Scope
from ci_bot.core.planned import Job, Pipeline

#: Every word that `event` can be.
ALL_EVENTS: Final = frozenset({"push", "pull_request", "tag", "merge_group", "schedule", "manual"})


def check_conditions(jobs: Sequence[JobDraft], scope: Scope) -> None:
    """Reports what is wrong with the conditions of jobs and steps, each at its own line and column."""
    for job in jobs:
        needs = frozenset(need.job for need in job.needs)
        known = Known(needs, _axes(job.said), scope.inputs, ALL_EVENTS)
        for said in (job.said, *(step.said for step in job.steps)):
            if IF in said:
                _check(said[IF], known, scope)


def _axes(said: Said) -> frozenset[str]:
    """The names that `matrix` gives to the cells of a job."""
    return frozenset(getattr(said.get("matrix"), "names", ()))


def _check(written: Written, known: Known, scope: Scope) -> None:
    for complaint in check(written.text, known):
        mark = scope.report.inside(written.mark, written.text, complaint.line, complaint.column)
        scope.report.add(mark, written.path, complaint.message, complaint.hint)


def change_patterns(pipeline: Pipeline) -> tuple[str, ...]:
    """Every pattern of `changes()` in the file, once; () where nobody asks which files changed."""
    return _patterns(pipeline.jobs)


def _patterns(jobs: Sequence[Job]) -> tuple[str, ...]:
    texts = dict.fromkeys(text for job in jobs for text in _conditions(job))
    return tuple(dict.fromkeys(pattern for text in texts for pattern in reads(text).patterns))


def _conditions(job: Job) -> Iterator[str]:
    return (text for text in (job.condition, *(step.condition for step in job.steps)) if text)


def with_changes(facts: Facts, jobs: Sequence[Job], changed: Changed) -> Facts:
    """With the answers of all `changes()`: which files changed is not kept. Unknown counts as changed."""
    files = changed.files
    answers = {
        pattern: files is None or any_file_matches((pattern,), files) for pattern in _patterns(jobs)
    }
    return replace(facts, changes=answers)


def decided(jobs: Sequence[Job], facts: Facts, changed: Changed) -> tuple[Job, ...]:
    """Jobs with `skip` where their condition cannot hold for this event, without one where it does.

    What asks how other jobs went, or has no answer, keeps its condition: it is decided when they have ended.
    """
    number = None if changed.files is None else len(changed.files)
    return tuple(_decided(job, Values(facts, job.matrix, changed=number)) for job in jobs)


def _decided(job: Job, values: Values) -> Job:
    if not job.condition or job.skip:
        return job
    why = why_never(job.condition, values)
    if why:
        return replace(job, condition="", skip=why)
    is_known = reads(job.condition).is_known_early and not evaluate(job.condition, values).error
    return replace(job, condition="") if is_known else job
