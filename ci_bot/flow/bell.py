"""A bell between the parts of one process: rung when there is work, so that nobody polls fast."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes whoever waits; rung while nobody waits, it wakes the next one at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Returns at the next ring, or after `seconds` as a net beneath a ring that was missed."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()
