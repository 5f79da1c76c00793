"""Claims ready jobs up to the capacity, keeps their leases, and passes on that they are not wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ci_bot.core.errors import StoreError
from ci_bot.flow.bell import NET_SECONDS, SOON_SECONDS, Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steps import Cancelling
from ci_bot.ports import Claim, Clock, Lease, Runs

_log = structlog.get_logger()
LEASE_SECONDS = 30.0
SOONEST = 0.05  # what is due by one clock may not be so by another; it is not asked without a pause
RENEW_SECONDS = 1.0  # a cancel that another process stored is heard this fast


async def _always() -> bool:
    return True


class Worker:
    """One per process. While `has_room` says no, only what was left behind is claimed.

    Cancelling `run` lets go of all jobs; their containers go on."""

    def __init__(
        self,
        holder: str,
        capacity: int,
        runs: Runs,
        runner: JobRunner,
        clock: Clock,
        ready: Bell,
        cancelled: Bell,
        ended: tuple[Bell, ...],
        meters: Meters,
        has_room: Callable[[], Awaitable[bool]] = _always,
    ) -> None:
        self._holder = holder
        self._capacity = capacity
        self._runs = runs
        self._runner = runner
        self._clock = clock
        self._ready = ready
        self._cancelled = cancelled
        self._ended = ended
        self._meters = meters
        self._has_room = has_room
        self._looks_soon = False
        self._held: dict[Lease, Cancelling] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_leases())
            while True:
                if not await self._claim_one(group):
                    await self._ready.wait(await self._until_due())

    async def idle(self) -> None:
        """Returns as soon as no job is held."""
        await self._idle.wait()

    async def _until_due(self) -> float:
        """Seconds until a job that waits for its time, or for room, may be ready: no bell announces that."""
        if self._looks_soon:
            return SOON_SECONDS
        try:
            due = await self._runs.next_due() if len(self._held) < self._capacity else None
        except StoreError as error:
            _log.warning("no job looked for", error=str(error))
            return SOON_SECONDS
        return NET_SECONDS if due is None else min(NET_SECONDS, max(SOONEST, due - self._clock.now()))

    async def _claim_one(self, group: asyncio.TaskGroup) -> bool:
        if len(self._held) >= self._capacity:
            return False
        self._looks_soon = True
        try:
            held = [lease.job_id for lease in self._held]
            has_room = await self._has_room()
            claim = await self._runs.claim(self._holder, LEASE_SECONDS, held, not has_room)
            self._looks_soon = not has_room
        except StoreError as error:
            _log.warning("no job claimed", error=str(error))
            return False
        except Exception:  # noqa: BLE001 - the loop's edge: one part must not end the others
            _log.exception("no job claimed: a bug of ours")
            return False
        if claim is None:
            self._show()  # what the ready ones wait for may have been written down
            return False
        cancelling = Cancelling()
        self._held[claim.lease] = cancelling
        self._idle.clear()
        self._busy.set()
        group.create_task(self._carry_out(claim, cancelling))
        return True

    async def _carry_out(self, claim: Claim, cancelling: Cancelling) -> None:
        self._meters.running.inc()
        if not claim.is_adopted:
            asked_at = max(claim.job.created_at, claim.job.due_at)
            self._meters.queue_seconds.observe(max(0.0, self._clock.now() - asked_at))
        self._tell()
        try:
            await self._runner.carry_out(claim, cancelling)
        finally:
            del self._held[claim.lease]
            if not self._held:
                self._idle.set()
                self._busy.clear()
            self._meters.running.dec()
            self._tell()

    def _tell(self) -> None:
        self._ready.ring()
        self._show()

    def _show(self) -> None:
        for bell in self._ended:
            bell.ring()

    async def _keep_leases(self) -> None:
        while True:
            await self._busy.wait()
            await self._cancelled.wait(RENEW_SECONDS)
            if not self._held:
                continue
            try:
                unwanted = await self._runs.renew(tuple(self._held), LEASE_SECONDS)
            except StoreError as error:
                _log.warning("leases not renewed", error=str(error))
                continue
            for lease, cancelling in self._held.items():
                if lease.job_id in unwanted:
                    cancelling.ask(unwanted[lease.job_id])
