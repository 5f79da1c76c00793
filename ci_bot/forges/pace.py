"""How fast a forge may be asked: moments and costs in, seconds to wait out. Pure.

Moments are seconds of any clock. One that jumps back loses nothing: what lies ahead counts as now.
"""

from __future__ import annotations

from collections import deque
from typing import Final

#: The forge counts when a request arrives, we when it leaves: windows are this much longer.
_ON_THE_WAY: Final = 1.0
#: A pause that is ordered again as soon as it is over doubles, up to this.
_LONGEST_PAUSE: Final = 900.0


class Window:
    """At most `limit` in any `seconds`. It slides: a bucket that refills would let twice that pass."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds + _ON_THE_WAY
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait(self, now: float, cost: int) -> float:
        """Seconds until `cost` fits; 0 if it does."""
        self._forget(now)
        too_many = self._sum + cost - self._limit
        for moment, taken in self._taken:
            if too_many <= 0:
                break
            too_many -= taken
            if too_many <= 0:
                return moment + self._seconds - now
        return 0.0

    def take(self, now: float, cost: int) -> None:
        self._taken.append((now, cost))
        self._sum += cost

    def _forget(self, now: float) -> None:
        if self._taken and self._taken[-1][0] > now:
            self._taken = deque((min(moment, now), cost) for moment, cost in self._taken)
        while self._taken and self._taken[0][0] + self._seconds <= now:
            self._sum -= self._taken.popleft()[1]


class Pause:
    """What the forge ordered: to be left alone for a while."""

    def __init__(self) -> None:
        self._since = 0.0
        self._seconds = 0.0
        self._in_a_row = 0

    def left(self, now: float) -> float:
        if self._seconds and now < self._since:
            self._since = now
        return max(0.0, self._since + self._seconds - now)

    def order(self, now: float, seconds: float) -> float:
        """Begins or prolongs the pause; returns what is left of it.

        The answers to requests that were under way together are one order and do not double it.
        """
        left = self.left(now)
        if left == 0:
            self._in_a_row += 1
        longer = min(seconds * 2 ** (self._in_a_row - 1), _LONGEST_PAUSE)
        self._since, self._seconds = now, max(left, seconds, longer)
        return self._seconds

    def lift(self) -> None:
        """A request went through: the next order starts from its own length again."""
        self._in_a_row = 0
