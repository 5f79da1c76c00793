"""Looks at the disks before jobs are claimed; while one is nearly full, new jobs wait and say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from ci_bot.core.errors import StoreError
from ci_bot.core.room import Mark, Shortage, for_operator, for_waiting, shortages
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.ports import Clock

_log = structlog.get_logger()
LOOK_SECONDS: Final = 2.0  # an answer about the disks is this good

Free = Callable[[str], int]


class Waiting(Protocol):
    """What of `ports.Publications` is needed here."""

    async def show_waiting(self) -> None: ...


class Room:
    """Closed below a mark, open again a little above it. `free` gives the free bytes under a path."""

    def __init__(
        self,
        marks: Sequence[Mark],
        free: Free,
        waiting: Waiting,
        changed: Bell,
        clock: Clock,
        meters: Meters,
    ) -> None:
        self._marks = marks
        self._free = free
        self._waiting = waiting
        self._changed = changed
        self._clock = clock
        self._meters = meters
        self._short: tuple[Shortage, ...] = ()
        self._looked_at = float("-inf")
        self._untold = False

    @property
    def why(self) -> str:
        """In words for those who wait, "" while there is room."""
        return for_waiting(self._short)

    async def look(self) -> bool:
        """Whether new jobs may start. Never raises: a disk that cannot be looked at holds up nobody."""
        now = self._clock.now()
        if not 0 <= now - self._looked_at < LOOK_SECONDS:
            self._looked_at = now
            await self._look()
        if self._untold:
            await self._tell()
        return not self._short

    async def check(self) -> None:
        """For `/readyz`. Raises `StoreError` in words."""
        if not await self.look():
            raise StoreError(for_operator(self._short))

    async def _look(self) -> None:
        was = bool(self._short)
        disks = [(mark, await asyncio.to_thread(self._free_under, mark)) for mark in self._marks]
        for mark, free in disks:
            self._meters.disk_free.labels(mark.setting).set(free)
        self._short = shortages(disks, is_paused=was)
        self._meters.paused.set(bool(self._short))
        if bool(self._short) == was:
            return
        self._untold = True
        if self._short:
            _log.error("new jobs wait", reason=for_operator(self._short))
        else:
            _log.info("new jobs start again")

    def _free_under(self, mark: Mark) -> int:
        try:
            return self._free(mark.path)
        except OSError as error:
            _log.warning("disk not looked at", path=mark.path, error=str(error))
            return mark.high

    async def _tell(self) -> None:
        """The checks of what waits say why, or no longer."""
        try:
            await self._waiting.show_waiting()
        except StoreError as error:  # a full disk takes nothing: told as soon as it does
            _log.warning("waiting jobs not told", error=str(error))
            return
        self._untold = False
        self._changed.ring()
