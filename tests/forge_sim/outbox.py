"""Deliveries on their way: one queue per receiver, in order of occurrence, each tried exactly once.

Knows no forge: what a delivery is, and how it is sent, is the forge's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import aiohttp

from .faults import Faults

_T = TypeVar("_T")


class Outbox(Generic[_T]):
    """``deliver`` is awaited with each parcel and its subject; the fault hook_delay comes before it."""

    def __init__(
        self, faults: Faults, timeout: float, deliver: Callable[[_T, str], Awaitable[None]]
    ) -> None:
        self._faults = faults
        self._timeout = timeout
        self._deliver = deliver
        self._queues: dict[int, asyncio.Queue[tuple[_T, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._session: aiohttp.ClientSession | None = None

    def put(self, receiver: int, parcel: _T, subject: str) -> None:
        """Queues it behind what that receiver has yet to get; ``subject`` is what faults match."""
        self._pending += 1
        self._idle.clear()
        if receiver not in self._queues:
            self._queues[receiver] = asyncio.Queue()
            self._start(self._work(self._queues[receiver]))
        self._queues[receiver].put_nowait((parcel, subject))

    async def quiet(self, seconds: float) -> bool:
        """Whether all queued deliveries were tried within that many seconds."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._timeout)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _start(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _done(self) -> None:
        self._pending -= 1
        if self._pending == 0:
            self._idle.set()

    async def _work(self, queue: asyncio.Queue[tuple[_T, str]]) -> None:
        while True:
            parcel, subject = await queue.get()
            late = self._faults.hit(subject, "hook_delay")
            if late is not None:
                self._start(self._deliver_late(parcel, subject, late.seconds))
                continue
            with contextlib.suppress(Exception):  # a broken receiver must not stop the others
                await self._deliver(parcel, subject)
            self._done()

    async def _deliver_late(self, parcel: _T, subject: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            await self._deliver(parcel, subject)
        finally:
            self._done()
