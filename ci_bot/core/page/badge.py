"""The state of a branch's gate → a badge as SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from ci_bot.core.gate import CheckState, Conclusion, gate
from ci_bot.core.model import Run

LABEL: Final = "ci-bot"
_CHARACTER: Final = 6.6  # pixels of an average one at 11 px, which `textLength` makes true
_PADDING: Final = 10


class Badge(StrEnum):
    PASSING = "passing"
    FAILING = "failing"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    RUNNING = "running"
    UNKNOWN = "unknown"


_BY_CONCLUSION: Final = {
    Conclusion.SUCCESS: Badge.PASSING,
    Conclusion.FAILURE: Badge.FAILING,
    Conclusion.TIMED_OUT: Badge.FAILING,
    Conclusion.CANCELLED: Badge.CANCELLED,
    Conclusion.ACTION_REQUIRED: Badge.WAITING,
}
#: White text on each has a contrast of 4.5 and more.
_COLOURS: Final = {
    Badge.PASSING: "#1a7f37",
    Badge.FAILING: "#cf222e",
    Badge.CANCELLED: "#6e7781",
    Badge.WAITING: "#8a5a00",
    Badge.RUNNING: "#0969da",
    Badge.UNKNOWN: "#6e7781",
}


def badge_of(heads: Sequence[Sequence[Run]]) -> Badge:
    """`heads` holds all runs of each of a branch's latest commits, newest first.

    The newest commit whose gate has ended counts, so that a badge does not lose its colour with each push.
    """
    states = [state for state in map(gate, heads) if state is not None and not state.is_superseded]
    for state in states:
        if state.state is CheckState.COMPLETED and state.conclusion is not None:
            return _BY_CONCLUSION[state.conclusion]
    return Badge.RUNNING if states else Badge.UNKNOWN


def svg(badge: Badge) -> str:
    """Nothing in it comes from outside. Fonts differ, so the text is told how long it is."""
    left, right = _width(LABEL), _width(badge)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{LABEL}: {badge}"><title>{LABEL}: {badge}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#24292f"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[badge]}"/></g>'
        '<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11" '
        'text-anchor="middle">'
        f"{_text(LABEL, left / 2, left)}{_text(badge, left + right / 2, right)}</g></svg>\n"
    )


def _width(text: str) -> int:
    return round(len(text) * _CHARACTER) + _PADDING


def _text(text: str, middle: float, width: int) -> str:
    return f'<text x="{middle:g}" y="14" textLength="{width - _PADDING}">{text}</text>'
