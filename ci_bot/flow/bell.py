"""A bell between the parts of one process: rung when there is work, so that nobody polls fast."""

from __future__ import annotations

import asyncio
from typing import Final

#: How often to look for work that no bell announced: another process's, or an earlier one's of this name.
NET_SECONDS: Final = 10.0
#: The same where the last look found out nothing: the database failed, or there is no room.
SOON_SECONDS: Final = 2.0
_SURELY: Final = 0.05  # after a moment by another clock


class Bell:
    """Wakes whoever waits; rung while nobody waits, it wakes the next one at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    def ring_after(self, seconds: float) -> None:
        """For work that is due then, which a look finds a little later."""
        asyncio.get_running_loop().call_later(max(0.0, seconds) + _SURELY, self.ring)

    async def wait(self, seconds: float) -> None:
        """Returns at the next ring, or after `seconds` as a net beneath a ring that was missed."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()
