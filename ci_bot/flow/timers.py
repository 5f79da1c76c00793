"""What is done every so often: leftovers of ended jobs are removed, what is old is forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.core.errors import CiBotError
from ci_bot.ports import Clock, Executor, Runs, Workspaces

_log = structlog.get_logger()
REAP_SECONDS: Final = 30
PRUNE_HOURS: Final = 6
FORGET_HOURS: Final = 1
KEEP_COMMITS_SECONDS: Final = 30 * 24 * 3600  # far longer than any job runs

Prune = Callable[[float], Awaitable[int]]


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


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done every so often; `work` never raises."""

    work: Callable[[], Awaitable[object]]
    seconds: float


def make_timers(
    reaper: Reaper,
    prune: Prune,
    forget: Prune,
    keep_secrets: float,
    clock: Clock,
    chores: Sequence[Chore] = (),
) -> AsyncIOScheduler:
    """The timers, not started yet.

    `prune` forgets mirrored commits last used before a moment, `forget` secrets that were retired
    before one; `keep_secrets` is for how many seconds a step may still run that was given them.
    """

    async def forget_old_commits() -> None:
        try:
            await prune(clock.now() - KEEP_COMMITS_SECONDS)
        except CiBotError as error:
            _log.warning("old commits not removed", error=str(error))

    async def forget_old_secrets() -> None:
        try:
            await forget(clock.now() - keep_secrets)
        except CiBotError as error:
            _log.warning("retired secrets not removed", error=str(error))

    timers = AsyncIOScheduler(timezone="UTC")
    timers.add_job(reaper.reap, "interval", seconds=REAP_SECONDS, max_instances=1, coalesce=True)
    timers.add_job(forget_old_commits, "interval", hours=PRUNE_HOURS, max_instances=1, coalesce=True)
    timers.add_job(forget_old_secrets, "interval", hours=FORGET_HOURS, max_instances=1, coalesce=True)
    for chore in chores:
        timers.add_job(chore.work, "interval", seconds=chore.seconds, max_instances=1, coalesce=True)
    return timers
