"""The only sources of time and of new names."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """The only source of new names."""

    def new(self) -> str:
        """A name never given before: lower-case letters and digits, at most 26, sortable by time."""
        ...
