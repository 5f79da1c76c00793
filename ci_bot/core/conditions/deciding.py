"""Jobs and an event → the same jobs, their conditions decided as far as that is known when it is planned for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ci_bot.core.conditions.evaluating import Values, evaluate, evaluate_ahead
from ci_bot.core.conditions.reading import reads
from ci_bot.core.conditions.reasons import early_parts, why_never
from ci_bot.core.occasion import NOT_ASKED, Changed, Facts
from ci_bot.core.patterns import changes_of
from ci_bot.core.planned import Job


def patterns_of(jobs: Sequence[Job]) -> tuple[str, ...]:
    """Every pattern of `changes()` in the conditions of jobs and steps, once."""
    texts = dict.fromkeys(text for job in jobs for text in _conditions(job))
    return tuple(dict.fromkeys(pattern for text in texts for pattern in reads(text).patterns))


def _conditions(job: Job) -> Iterator[str]:
    return (text for text in (job.condition, *(step.condition for step in job.steps)) if text)


def labels_read(jobs: Sequence[Job], labels: Sequence[str]) -> tuple[str, ...]:
    """Those of the labels that conditions of the jobs can tell from none, sorted."""
    asked = [reads(text).labels for job in jobs for text in _conditions(job)]
    if any(each is None for each in asked):
        return tuple(sorted(labels))
    named = frozenset[str]().union(*(each for each in asked if each))
    return tuple(sorted(named.intersection(labels)))


def reads_labels(jobs: Sequence[Job]) -> bool:
    """Whether a condition of the jobs reads labels at all."""
    return any(reads(text).labels != frozenset() for job in jobs for text in _conditions(job))


def with_changes(facts: Facts, jobs: Sequence[Job], changed: Changed) -> Facts:
    """With the answers of all `changes()`: which files changed is not kept. Unknown counts as changed."""
    return replace(facts, changes=changes_of(patterns_of(jobs), changed))


def decided(jobs: Sequence[Job], facts: Facts, changed: Changed = NOT_ASKED) -> tuple[Job, ...]:
    """Jobs with `skip` where their condition cannot hold for this event, without one where it does.

    What asks how other jobs went, or has no answer, keeps its condition: it is decided when they have ended.
    """
    number = None if changed.files is None else len(changed.files)
    each = [(job, Values(facts, job.matrix, changed=number)) for job in jobs]
    open_ones = [(job.condition, values) for job, values in each if job.condition and not job.skip]
    evaluate_ahead((part, values) for text, values in open_ones for part in early_parts(text))
    return tuple(_decided(job, values) for job, values in each)


def _decided(job: Job, values: Values) -> Job:
    if not job.condition or job.skip:
        return job
    why = why_never(job.condition, values)
    if why:
        return replace(job, condition="", skip=why)
    is_known = reads(job.condition).is_known_early and not evaluate(job.condition, values).error
    return replace(job, condition="") if is_known else job
