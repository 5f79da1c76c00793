"""When a forge's access token ends → what an operator is told, and from when on. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ci_bot.core.words import count

DAY: Final = 24 * 3600.0
WARN_DAYS: Final = 14
REMEDY: Final = (
    "make a new one there, put it in the place of the old one in the settings, and restart ci-bot"
)


def is_due(expires_at: float | None, now: float) -> bool:
    """Whether somebody must act; `expires_at` is seconds since the epoch, None for never."""
    return expires_at is not None and expires_at - now < WARN_DAYS * DAY


def in_words(expires_at: float | None, now: float) -> str:
    """ "it expires on 2027-01-31, in 65 days"."""
    if expires_at is None:
        return "it does not expire"
    day = datetime.fromtimestamp(expires_at, UTC).date()
    if expires_at <= now:
        return f"it expired on {day}"
    left = int((expires_at - now) // DAY)
    return f"it expires on {day}, " + (f"in {count(left, 'day')}" if left else "within a day")
