"""Conditions of a file, checked where they stand; what they ask of the event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ci_bot.core.conditions import Known, check
from ci_bot.core.pipeline.cells import Matrix
from ci_bot.core.pipeline.draft import JobDraft
from ci_bot.core.pipeline.features.condition import IF, Written
from ci_bot.core.pipeline.features.feature import Said
from ci_bot.core.pipeline.report import Report

#: Every word that `event` can be.
ALL_EVENTS: Final = frozenset({"push", "pull_request", "tag", "merge_group", "schedule", "manual"})


def check_conditions(jobs: Sequence[JobDraft], inputs: frozenset[str] | None) -> None:
    """Reports what is wrong with the conditions of jobs and steps, each at its own line and column.

    `inputs` are the names of those that there are, None where that is not known.
    """
    for job in jobs:
        needs = frozenset(need.job for need in job.needs)
        known = Known(needs, _axes(job.said), inputs, ALL_EVENTS)
        for said in (job.said, *(step.said for step in job.steps)):
            if IF in said:
                _check(said[IF], known, job.report)


def _axes(said: Said) -> frozenset[str]:
    """The names that `matrix` gives to the cells of a job."""
    matrix: Matrix | None = said.get("matrix")
    return frozenset(matrix.longest if matrix else ())


def _check(written: Written, known: Known, report: Report) -> None:
    for complaint in check(written.text, known):
        mark = report.inside(written.mark, written.text, complaint.line, complaint.column)
        report.add(mark, written.path, complaint.message, complaint.hint)
