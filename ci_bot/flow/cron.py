"""0b. cron: schedules that are due → ticks in the inbox; and ticks read back from it.

The truth is the stored table. What is due is due at a whole minute, so a look once a minute is exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.core.errors import BadDelivery, CiBotError
from ci_bot.core.events import Ticked
from ci_bot.core.scheduling import of_letter
from ci_bot.flow.bell import Bell
from ci_bot.ports import Clock, Schedules

_log = structlog.get_logger()


class Ticks:
    """Reads ticks back from the inbox; no URL leads to it. Implements `ports.EventParser`."""

    def parse(self, _headers: Mapping[str, str], body: bytes) -> Ticked:
        try:
            return of_letter(body)
        except ValueError as error:  # another version of ci-bot wrote it
            raise BadDelivery(str(error)) from error


class Ticker:
    """Looks when it is told to; what it missed is told by the table the next time."""

    def __init__(self, schedules: Schedules, clock: Clock, arrived: Bell) -> None:
        self._schedules = schedules
        self._arrived = arrived
        self._up_since = clock.now()

    async def tick(self) -> int:
        """Returns how many ticks there are to decide. Never raises."""
        count = 0
        try:
            while taken := await self._schedules.take_due(self._up_since):
                count += taken
        except CiBotError as error:
            _log.warning("schedules not looked at", error=str(error))
        if count:
            _log.info("schedules are due", count=count)
            self._arrived.ring()
        return count

    def wake(self, timers: AsyncIOScheduler) -> None:
        """At each whole minute, however late the process gets to it."""
        timers.add_job(
            self.tick, "cron", second=0, max_instances=1, coalesce=True, misfire_grace_time=None
        )
