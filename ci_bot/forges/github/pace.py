"""How fast one installation may be asked: moments and costs in, seconds to wait out. Pure.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from typing import Final

from ci_bot.forges.pace import Window

READ_POINTS: Final = 1
WRITE_POINTS: Final = 5


class Pace:
    """The documented limits of one installation, kept by ourselves before the forge must say so."""

    def __init__(self) -> None:
        self._points = Window(900, 60)
        self._content = (Window(80, 60), Window(500, 3600))

    def take(self, now: float, points: int, *, is_content: bool) -> float:
        """0 and the request counts; or the seconds until it may be sent, and it does not."""
        content = self._content if is_content else ()
        wait = max(self._points.wait(now, points), *(w.wait(now, 1) for w in content), 0.0)
        if wait > 0:
            return wait
        self._points.take(now, points)
        for window in content:
            window.take(now, 1)
        return 0.0
