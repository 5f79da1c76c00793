"""The forges' tokens are looked at: a gauge always, a warning in time, and no forge keeps another from it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from ci_bot.core.errors import ForgeError
from ci_bot.core.expiring import DAY
from ci_bot.flow.expiry import Expiry
from ci_bot.flow.meters import Meters
from tests.fakes import FakeClock

GAUGE = "ci_bot_forge_token_expires_timestamp_seconds"


@dataclass
class FakeToken:
    """A token that ends then; or a forge that does not say."""

    answer: float | ForgeError | None

    async def expires_at(self) -> float | None:
        if isinstance(self.answer, ForgeError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(("days", "warned"), [(13.0, True), (15.0, False), (None, False)])
async def test_a_token_that_ends_soon_is_warned_of(days: float | None, warned: bool) -> None:
    clock, meters = FakeClock(), Meters()
    ends = None if days is None else clock.now() + days * DAY
    tokens = {"down": FakeToken(ForgeError("cannot be reached")), "gitlab": FakeToken(ends)}
    with capture_logs() as logs:
        await Expiry(tokens, clock, meters).look()
    told = meters.registry.get_sample_value(GAUGE, {"forge": "gitlab"})
    assert told == (float("inf") if ends is None else ends)
    assert meters.registry.get_sample_value(GAUGE, {"forge": "down"}) is None
    due = [line for line in logs if line["event"] == "the access token must be renewed"]
    assert [(line["forge"], "in 13 days" in line["when"]) for line in due] == [
        ("gitlab", True)
    ] * warned
