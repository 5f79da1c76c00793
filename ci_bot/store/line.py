"""The line of jobs for people: rows in, who holds what and who waits for what out."""

from __future__ import annotations

from ci_bot.core.queueing import Allowance, Survey, survey
from ci_bot.ports import Clock
from ci_bot.store.database import Database
from ci_bot.store.queueing import read_line


class LineStore:
    """Reads; jobs are chosen by `RunStore.claim`."""

    def __init__(self, database: Database, clock: Clock, allowance: Allowance) -> None:
        self._database = database
        self._clock = clock
        self._allowance = allowance

    async def now(self) -> Survey:
        async with self._database.read() as connection:
            stored = await read_line(connection, self._clock.now())
        return survey(stored.line, self._allowance, stored.names)
