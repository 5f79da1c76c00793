"""The real clock and the real source of names; everything else gets them as arguments."""

from __future__ import annotations

import asyncio
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no letter that looks like a digit


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    """Implements `ports.Ids` as ULIDs: 48 bits of milliseconds, 80 random bits, in lower case.

    https://github.com/ulid/spec
    """

    def new(self) -> str:
        number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))
