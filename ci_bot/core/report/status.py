"""A check → the one line of a commit status, for forges and credentials that have no checks."""

from __future__ import annotations

from typing import Final

from ci_bot.core.report.markdown import clip
from ci_bot.core.report.values import CheckReport

#: https://docs.github.com/rest/commits/statuses
DESCRIPTION_LENGTH: Final = 140


def description(report: CheckReport) -> str:
    return clip(report.title, DESCRIPTION_LENGTH)
