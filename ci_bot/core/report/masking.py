"""A report in, the same report with every text of it masked out; names that lead back to it stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ci_bot.core.report.values import Annotation, CheckReport, CommentReport

Mask = Callable[[str], str]


def masked_check(report: CheckReport, mask: Mask) -> CheckReport:
    """The name too: a job could be called like a secret. It is masked the same way each time."""
    return replace(
        report,
        name=mask(report.name),
        title=mask(report.title),
        summary=mask(report.summary),
        text=mask(report.text),
        annotations=tuple(_masked(one, mask) for one in report.annotations),
    )


def _masked(one: Annotation, mask: Mask) -> Annotation:
    return replace(one, path=mask(one.path), message=mask(one.message), title=mask(one.title))


def masked_comment(report: CommentReport, mask: Mask) -> CommentReport:
    return replace(report, body=mask(report.body))
