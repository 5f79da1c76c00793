"""A disk that is full to the last byte: the job that filled it is ended, and room is made to store that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import structlog

from ci_bot.core.disk import Disk, Held, who_filled
from ci_bot.core.errors import EngineError
from ci_bot.ports import Clock

_log = structlog.get_logger()
LOOK_AT_DISKS_SECONDS: Final = 2.0
#: So long what was done is given time: what a job wrote goes with its end.
PATIENCE: Final = 15.0


class Spare(Protocol):
    """Room that is kept for the database."""

    async def fill(self) -> None: ...

    def give_up(self) -> None: ...


class Overflow:
    """Nothing of this needs the database, which takes no write by then.

    `disk` is that of the workspaces and the database, `weigh` gives what each job has there, and `end`
    kills the processes of one: its step then ends as a failed one does, and says why.
    """

    def __init__(
        self,
        disk: Callable[[], Disk | None],
        weigh: Callable[[], Mapping[str, Held]],
        end: Callable[[str], Awaitable[None]],
        spare: Spare,
        clock: Clock,
    ) -> None:
        self._disk = disk
        self._weigh = weigh
        self._end = end
        self._spare = spare
        self._clock = clock
        self._acted_at = float("-inf")

    async def look(self) -> None:
        """Never raises."""
        disk = self._disk()
        if disk is None or not disk.is_out:
            await self._spare.fill()
            return
        now = self._clock.now()
        if not 0 <= now - self._acted_at < PATIENCE:
            self._acted_at = now
            await self._make_room(disk)

    async def _make_room(self, disk: Disk) -> None:
        """In this order: room that is given up while somebody still fills the disk is gone at once."""
        job = who_filled(disk, await asyncio.to_thread(self._weigh))
        _log.error("the disk is full", free=disk.free, filled_by=job)
        if job is not None:
            try:
                await self._end(job)
            except EngineError as error:
                _log.warning("the job that filled the disk goes on", job=job, error=str(error))
        self._spare.give_up()
