"""When a forge wants to be asked again, as its headers say it in; seconds out. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime


def seconds_of(value: str, now: float) -> float | None:
    """Of Retry-After, a number of seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after."""
    if is_number(value):
        return float(value)
    date = moment_of(value)
    return None if date is None else date - now


def moment_of(date: str) -> float | None:
    """Seconds since the epoch of an HTTP date; None for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def is_number(value: str) -> bool:
    """A number of seconds, or a moment in seconds since the epoch."""
    return value.isascii() and value.isdecimal() and len(value) < 12
