"""What a report becomes as a commit status."""

from __future__ import annotations

import pytest

from ci_bot.core.report.values import CheckReport, CheckState, Conclusion
from ci_bot.forges.github.statuses import body_of


def report(state: CheckState, conclusion: Conclusion | None, title: str = "t") -> CheckReport:
    return CheckReport("ci-bot / unit", state, conclusion, title, "s", "https://ci.example.com")


@pytest.mark.parametrize("state", [CheckState.QUEUED, CheckState.IN_PROGRESS])
def test_what_has_not_ended_is_pending(state: CheckState) -> None:
    assert body_of(report(state, None))["state"] == "pending"


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        (Conclusion.SUCCESS, "success"),
        (Conclusion.SKIPPED, "success"),
        (Conclusion.FAILURE, "failure"),
        (Conclusion.TIMED_OUT, "failure"),
        (Conclusion.CANCELLED, "error"),
        (Conclusion.ACTION_REQUIRED, "failure"),
    ],
)
def test_what_has_ended_is_good_or_bad(conclusion: Conclusion, state: str) -> None:
    assert body_of(report(CheckState.COMPLETED, conclusion)) == {
        "state": state,
        "context": "ci-bot / unit",
        "description": "t",
        "target_url": "https://ci.example.com",
    }


def test_a_description_has_140_characters_at_most() -> None:
    described = body_of(report(CheckState.QUEUED, None, "x" * 200))["description"]
    assert len(described) == 140
    assert described.endswith("…")
