"""What is done every so often: leftovers of ended jobs are removed."""

from __future__ import annotations

from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.core.errors import CiBotError
from ci_bot.ports import Executor, Runs, Workspaces

_log = structlog.get_logger()
REAP_SECONDS: Final = 30


class Reaper:
    """Goes by labels and by stored truth: what belongs to no running job is removed."""

    def __init__(self, holder: str, executor: Executor, workspaces: Workspaces, runs: Runs) -> None:
        self._holder = holder
        self._executor = executor
        self._workspaces = workspaces
        self._runs = runs

    async def reap(self) -> None:
        """Never raises: what cannot be removed now is met again next time."""
        for what in (self._executor, self._workspaces):
            try:
                count = await what.reap(lambda: self._runs.alive(self._holder))
            except CiBotError as error:
                _log.warning("leftovers not removed", error=str(error))
                continue
            if count:
                _log.info("leftovers removed", count=count)


def make_timers(reaper: Reaper) -> AsyncIOScheduler:
    """The timers, not started yet."""
    timers = AsyncIOScheduler(timezone="UTC")
    timers.add_job(reaper.reap, "interval", seconds=REAP_SECONDS, max_instances=1, coalesce=True)
    return timers
