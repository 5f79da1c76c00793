"""Texts and moments in, as forges take them out. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_NOTE: Final = "\n\n… {} bytes were cut here."


def cut(text: str, most: int) -> str:
    """At most that many bytes of UTF-8, whole characters, and says how much is missing.

    The last defence: whoever made the text has bounded it better.
    """
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return raw.decode()
    room = most - len(_NOTE.format(len(raw)).encode())
    kept = raw[:room].decode("utf-8", "ignore")
    return kept + _NOTE.format(len(raw) - len(kept.encode()))


def cut_line(text: str, most: int) -> str:
    """One line, with an ellipsis where it was longer."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def iso(moment: float) -> str:
    """Seconds since the epoch as 2026-11-20T14:00:00Z."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
