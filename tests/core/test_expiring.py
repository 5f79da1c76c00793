"""When a token ends, in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ci_bot.core.expiring import DAY, in_words, is_due

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("days", "due", "words"),
    [
        (None, False, "it does not expire"),
        (60, False, "it expires on 2027-01-26, in 60 days"),
        (14, False, "it expires on 2026-12-11, in 14 days"),
        (13.9, True, "it expires on 2026-12-11, in 13 days"),
        (1, True, "it expires on 2026-11-28, in 1 day"),
        (0.25, True, "it expires on 2026-11-27, within a day"),
        (0, True, "it expired on 2026-11-27"),
        (-40, True, "it expired on 2026-10-18"),
    ],
)
def test_somebody_is_told_two_weeks_before(days: float | None, due: bool, words: str) -> None:
    expires_at = None if days is None else NOW + days * DAY
    assert (is_due(expires_at, NOW), in_words(expires_at, NOW)) == (due, words)
