"""2d. steering: what the API asks of a run → a durable delivery; and back from it to a Decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ci_bot.core.deciding import turn_of
from ci_bot.core.decisions import Decision
from ci_bot.core.errors import BadDelivery
from ci_bot.core.events import RunSteered
from ci_bot.core.steering import decide_steering
from ci_bot.flow.bell import Bell
from ci_bot.ports import Clock, Delivery, DeliveryOutcome, Ids, Inbox, Runs, Tokens

#: Stands where deliveries name their forge. No URL leads to it.
SOURCE: Final = "api"

_EVENT: Final = TypeAdapter(RunSteered)


class Steering:
    """The API's way in: what it asks takes the one road, from the inbox on."""

    def __init__(self, inbox: Inbox, ids: Ids, arrived: Bell) -> None:
        self._inbox = inbox
        self._ids = ids
        self._arrived = arrived

    async def ask(self, event: RunSteered) -> str:
        """Durable when it returns; the request's id. Raises `StoreError`."""
        id = self._ids.new()
        body = _EVENT.dump_json(event)
        delivery_id = _delivery_id(event.token, id)
        await self._inbox.put(Delivery(SOURCE, delivery_id, {}, body, turn_of(event)))
        self._arrived.ring()
        return id

    async def outcome(self, token_id: str, id: str) -> DeliveryOutcome | None:
        """What became of a request; whoever did not ask it is told nothing."""
        return await self._inbox.outcome(SOURCE, _delivery_id(token_id, id))


def _delivery_id(token_id: str, id: str) -> str:
    return f"{token_id}/{id}"


class SteeringParser:
    """Implements `ports.EventParser` for what `Steering` stored."""

    def parse(self, _headers: Mapping[str, str], body: bytes) -> RunSteered:
        try:
            return _EVENT.validate_json(body)
        except ValidationError as error:  # another version of ci-bot wrote it
            raise BadDelivery(f"no request of the API: {error.error_count()} problems") from error


class Steered:
    """Token and run are looked up at the moment of deciding."""

    def __init__(self, tokens: Tokens, runs: Runs, clock: Clock) -> None:
        self._tokens = tokens
        self._runs = runs
        self._clock = clock

    async def decide(self, event: RunSteered) -> Decision:
        token = await self._tokens.by_id(event.token)
        run = await self._runs.run(event.run)
        return decide_steering(event, token, run, self._clock.now())
