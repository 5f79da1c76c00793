"""Now and then: when the forges' access tokens end → a gauge, and a warning in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from ci_bot.core.errors import CiBotError
from ci_bot.core.expiring import REMEDY, in_words, is_due
from ci_bot.flow.meters import Meters
from ci_bot.ports import Clock, TokenExpiry

_log = structlog.get_logger()
LOOK_AT_TOKENS_SECONDS: Final = 6 * 3600


class Expiry:
    """Asks each forge whose token may end."""

    def __init__(self, tokens: Mapping[str, TokenExpiry], clock: Clock, meters: Meters) -> None:
        self._tokens = tokens
        self._clock = clock
        self._meters = meters

    async def look(self) -> None:
        """Never raises: a forge that does not answer is asked again."""
        for forge, token in self._tokens.items():
            try:
                self._told(forge, await token.expires_at())
            except CiBotError as error:
                _log.warning("the access token's end is not known", forge=forge, error=str(error))

    def _told(self, forge: str, expires_at: float | None) -> None:
        now = self._clock.now()
        self._meters.token_expires.labels(forge).set(float("inf") if expires_at is None else expires_at)
        if is_due(expires_at, now):
            words = in_words(expires_at, now)
            _log.warning("the access token must be renewed", forge=forge, when=words, remedy=REMEDY)
