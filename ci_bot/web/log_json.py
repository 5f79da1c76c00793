"""Windows of a log as JSON: numbers, and pieces of text with their looks; never HTML, so nothing is to be escaped."""

from __future__ import annotations

from typing import Any

from ci_bot.core.page.ansi import Span
from ci_bot.core.page.lines import Line, Window


def window_json(window: Window) -> dict[str, Any]:
    """`lines`: [[number, piece, …], …], a piece being "text" or ["classes", "text"]; `next`: where to go on."""
    return {
        "lines": [_line(line) for line in window.lines],
        "next": str(window.next),
        "open": window.is_open,
    }


def _line(line: Line) -> list[Any]:
    return [line.number, *map(_piece, line.spans)]


def _piece(span: Span) -> str | list[str]:
    return [span.classes, span.text] if span.classes else span.text
