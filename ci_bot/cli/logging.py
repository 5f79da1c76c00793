"""Structured logs on standard error: JSON for machines, coloured lines for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog


def configure(level: str, form: str, mask: Callable[[str], str] | None = None) -> None:
    """`level` as in `logging`, in lower case; `form` is "json" or "text"; `mask` gets every whole line."""
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
            *([_Masking(mask)] if mask else []),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)  # libraries speak up when it matters
    handler.setFormatter(_MaskingFormatter(logging.BASIC_FORMAT, mask))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _Masking:
    """The last processor: what it gives back is what is written, tracebacks and all."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask

    def __call__(self, _logger: Any, _name: str, line: Any) -> str:
        return self._mask(str(line))


class _MaskingFormatter(logging.Formatter):
    def __init__(self, form: str, mask: Callable[[str], str] | None) -> None:
        super().__init__(form)
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return self._mask(line) if self._mask else line
