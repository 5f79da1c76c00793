"""A check report in; a commit status out, for installations that do not grant checks. I/O.

https://docs.github.com/rest/commits/statuses#create-a-commit-status
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from ci_bot.core.events import Repo
from ci_bot.core.report.values import CheckReport, Conclusion
from ci_bot.forges.github.calls import Calls
from ci_bot.forges.github.permissions import STATUSES
from ci_bot.forges.texts import cut_line

_MOST_DESCRIPTION: Final = 140

#: `action_required` is no `pending`: nothing is running, and nothing will until somebody acts.
_STATES: Final = MappingProxyType(
    {
        Conclusion.SUCCESS: "success",
        Conclusion.SKIPPED: "success",
        Conclusion.FAILURE: "failure",
        Conclusion.ACTION_REQUIRED: "failure",
        Conclusion.TIMED_OUT: "failure",
        Conclusion.CANCELLED: "error",
    }
)


async def publish(calls: Calls, repo: Repo, sha: str, report: CheckReport) -> None:
    """Safe to repeat: the newest status of a context is the one that counts."""
    await calls.write("POST", repo, STATUSES, "/statuses/{sha}", body_of(report), sha=sha)


def body_of(report: CheckReport) -> dict[str, Any]:
    body = {
        "state": "pending" if report.conclusion is None else _STATES[report.conclusion],
        "context": report.name,
        "description": cut_line(report.title, _MOST_DESCRIPTION),
    }
    return {**body, "target_url": report.details_url} if report.details_url else body
