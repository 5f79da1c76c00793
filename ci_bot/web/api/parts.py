"""What the API stands on, and the bounds of what it costs."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from ci_bot.flow.steering import Steering
from ci_bot.ports import Artifacts, Clock, LogSink, Packs, RunList, Runs, Tokens, Vault
from ci_bot.web.api.problems import Refused
from ci_bot.web.streams import Streams

#: Look-ups of unknown tokens: so many at once, and then so many a second.
GUESSES_AT_ONCE: Final = 20
GUESSES_A_SECOND: Final = 5.0
REMEMBERED: Final = 1024  # tokens that were good: their holders do not wait for those who guess

#: Logs that are followed at the same time: each costs a look several times a second.
FOLLOWED_BY_ONE: Final = 16
FOLLOWED: Final = 64


class Guesses:
    """Whoever tries tokens that are none is soon refused without a look into the database."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(GUESSES_AT_ONCE)
        self._at = clock.now()
        self._good: OrderedDict[str, None] = OrderedDict()

    def check(self, sha256: str) -> None:
        """Raises `Refused` (429) for an unknown token while too many of those are tried."""
        now = self._clock.now()
        self._left += max(0.0, now - self._at) * GUESSES_A_SECOND
        self._left = min(self._left, GUESSES_AT_ONCE)
        self._at = now
        if sha256 not in self._good and self._left < 1:
            raise Refused(
                429,
                "too many unknown tokens are being tried",
                "try again in a second",
                headers={"Retry-After": "1"},
            )

    def missed(self, sha256: str) -> None:
        self._left -= 1
        self._good.pop(sha256, None)

    def good(self, sha256: str) -> None:
        self._good[sha256] = None
        self._good.move_to_end(sha256)
        while len(self._good) > REMEMBERED:
            self._good.popitem(last=False)


class Followers:
    """Bounds how many logs are followed, by one token and by all."""

    def __init__(self) -> None:
        self._by_token: Counter[str] = Counter()

    @contextmanager
    def one(self, token_id: str) -> Iterator[None]:
        """Raises `Refused` (429)."""
        if self._by_token[token_id] >= FOLLOWED_BY_ONE or self._by_token.total() >= FOLLOWED:
            raise Refused(
                429,
                f"too many logs are being followed; one token follows at most {FOLLOWED_BY_ONE}",
                "end some, or read this one without follow",
                headers={"Retry-After": "10"},
            )
        self._by_token[token_id] += 1
        try:
            yield
        finally:
            self._by_token[token_id] -= 1
            self._by_token += Counter()  # drops what is down to nothing


@dataclass(frozen=True, slots=True)
class Parts:
    """`on_token` is told every token that is used, for whoever writes logs."""

    tokens: Tokens
    runs: Runs
    listing: RunList
    logs: LogSink
    vault: Vault
    steering: Steering
    clock: Clock
    on_token: Callable[[bytes], None]
    guesses: Guesses
    records: Artifacts
    artifacts: Packs
    followers: Followers = field(default_factory=Followers)
    streams: Streams = field(default_factory=Streams)


PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)
