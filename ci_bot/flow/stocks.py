"""How much of everything waits: asked of the store when somebody reads `/metrics`, and not more often."""

from __future__ import annotations

from typing import Final

import structlog

from ci_bot.core.errors import StoreError
from ci_bot.flow.meters import Meters
from ci_bot.ports import Clock, Stocktaking

_log = structlog.get_logger()
GOOD_SECONDS: Final = 5.0  # several readers share one answer


class Stocks:
    def __init__(self, store: Stocktaking, clock: Clock, meters: Meters) -> None:
        self._store = store
        self._clock = clock
        self._meters = meters
        self._asked_at = float("-inf")

    async def refresh(self) -> None:
        """Never raises: without the database the other metrics are still worth reading."""
        now = self._clock.now()
        if 0 <= now - self._asked_at < GOOD_SECONDS:
            return
        self._asked_at = now
        try:
            self._meters.stock(await self._store.stock())
        except StoreError as error:
            self._meters.database_up.set(0)
            _log.warning("stock not taken", error=str(error))
