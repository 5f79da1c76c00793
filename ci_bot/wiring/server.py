"""The server: settings in, every part opened and put together, out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.core.errors import AnotherServer
from ci_bot.disks import disk_of
from ci_bot.flow import housekeeping
from ci_bot.flow.cron import Ticker
from ci_bot.flow.decide import Decider
from ci_bot.flow.effects import Performer
from ci_bot.flow.expiry import LOOK_AT_TOKENS_SECONDS, Expiry
from ci_bot.flow.housekeeping import Housekeeper
from ci_bot.flow.known import Known
from ci_bot.flow.overflow import LOOK_AT_DISKS_SECONDS, Overflow
from ci_bot.flow.publish import Publisher
from ci_bot.flow.reconcile import (
    ASK_AGAIN_SECONDS,
    LOOK_AT_HEADS_SECONDS,
    Reconciler,
)
from ci_bot.flow.timers import Chore, Reaper, make_timers
from ci_bot.flow.worker import Worker
from ci_bot.settings import Settings
from ci_bot.store import (
    OneServer,
    Reserve,
    RetentionStore,
    RunStore,
    SecretStore,
)
from ci_bot.wiring import http, road
from ci_bot.wiring.conditions import conditions_apart
from ci_bot.wiring.forges import require_forge
from ci_bot.wiring.kept import file_stores, retention
from ci_bot.wiring.opened import Opened
from ci_bot.wiring.parts import allowance

KEEP_SECRETS_SECONDS: Final = 24 * 3600
TIDY_SECONDS: Final = 3600


NEEDED_DISK: Final = 64 * 1024**2  # below that not even an event may be stored


@dataclass(frozen=True, slots=True)
class Server:
    """Everything opened and put together; `work` is what it does besides answering HTTP."""

    app: web.Application
    decider: Decider
    worker: Worker
    publisher: Publisher
    performer: Performer
    reaper: Reaper
    reconciler: Reconciler
    ticker: Ticker
    overflow: Overflow
    expiry: Expiry
    timers: AsyncIOScheduler
    one: OneServer | None

    async def work(self) -> None:
        """Until cancelled; then running containers go on and wait to be adopted."""
        await self.overflow.look()
        await self.reaper.reap()
        self.ticker.wake(self.timers)
        self.timers.start()
        try:
            async with asyncio.TaskGroup() as group:
                if self.one is not None:
                    group.create_task(self.one.keep())
                group.create_task(self._catch_up())
                for part in (self.decider, self.worker, self.publisher, self.performer):
                    group.create_task(part.run())
        except ExceptionGroup as ended:
            for error in ended.exceptions:
                if isinstance(error, AnotherServer):
                    raise error from None
            raise
        finally:
            self.timers.shutdown(wait=False)

    async def _catch_up(self) -> None:
        """What came to pass while no server ran."""
        await self.ticker.tick()
        await self.reconciler.ask_again()
        await self.reconciler.look_at_heads()
        await self.expiry.look()


@asynccontextmanager
async def open_server(settings: Settings, known: Known) -> AsyncIterator[Server]:
    """Opens, in this order, data directory, database, forges and engine. Raises `CiBotError`.

    `known` is told every token and every secret before it is used, for whoever writes logs.
    """
    require_forge(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(conditions_apart())
        yield _put_together(await Opened.open(stack, settings, known))


def _put_together(opened: Opened) -> Server:
    runs = RunStore(
        opened.database,
        opened.clock,
        opened.ids,
        allowance(opened.settings),
        opened.settings.limits.infrastructure_retries,
    )
    reaper = Reaper(opened.holder, opened.executor, opened.workspaces, runs)
    reconciler, overflow = road.reconciler(opened), _overflow(opened)
    expiry = Expiry(opened.forges.expiring, opened.clock, opened.meters)
    return Server(
        app=http.app(opened, runs),
        decider=road.decider(opened, runs),
        worker=road.worker(opened, runs),
        publisher=road.publisher(opened),
        performer=road.performer(opened),
        reaper=reaper,
        reconciler=reconciler,
        ticker=road.ticker(opened),
        overflow=overflow,
        expiry=expiry,
        one=opened.one,
        timers=make_timers(
            reaper,
            opened.workspaces.prune_mirrors,
            SecretStore(opened.database).purge,
            max(KEEP_SECRETS_SECONDS, opened.settings.limits.job_timeout),
            opened.clock,
            (
                Chore(_housekeeper(opened).tidy, TIDY_SECONDS),
                Chore(reconciler.ask_again, ASK_AGAIN_SECONDS),
                Chore(reconciler.look_at_heads, LOOK_AT_HEADS_SECONDS),
                Chore(overflow.look, LOOK_AT_DISKS_SECONDS),
                Chore(expiry.look, LOOK_AT_TOKENS_SECONDS),
            ),
        ),
    )


def _overflow(opened: Opened) -> Overflow:
    """Of the disk that has the workspaces, and mostly the database, too."""
    folder = opened.settings.data_dir
    return Overflow(
        lambda: disk_of(folder),
        opened.workspaces.weigh,
        opened.executor.end,
        Reserve(folder / "reserve"),
        opened.clock,
    )


def _housekeeper(opened: Opened) -> Housekeeper:
    """One more kind of thing that is kept for a while is one more shelf here."""
    past, clock = RetentionStore(opened.database), opened.clock
    keep = retention(opened.settings)
    stores = file_stores(opened.settings, opened.database, clock)
    shelves = (
        housekeeping.Deliveries(past, keep, clock),
        housekeeping.Runs(past, opened.logs, stores.artifacts, keep, clock),
        housekeeping.Logs(past, opened.logs, keep, clock),
        housekeeping.Artifacts(stores.records, stores.artifacts, keep, clock),
        housekeeping.Caches(stores.cached, stores.caches, keep, clock),
        housekeeping.FreePages(past),
    )
    return Housekeeper(shelves, opened.meters)
