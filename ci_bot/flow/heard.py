"""What the forge lately said of people who vouch for runs, so that not each job of a run asks again."""

from __future__ import annotations

from collections.abc import Mapping

from ci_bot.ports import Clock


class Heard:
    """Good answers alone: who may not write any more holds the run, and is asked about anew after that."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._answers: dict[tuple[str, int], float] = {}

    def of(self, run: str) -> Mapping[int, float]:
        """Account → when it was said that it may write."""
        return {account: at for (id, account), at in self._answers.items() if id == run}

    def add(self, run: str, account: int) -> None:
        now = self._clock.now()
        fresh = {key: at for key, at in self._answers.items() if at + self._seconds >= now}
        self._answers = {**fresh, (run, account): now}
