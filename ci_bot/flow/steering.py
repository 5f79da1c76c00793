"""2d. steering: what the API asks of a run → a durable delivery; and back from it to a Decision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ci_bot.core.deciding import turn_of
from ci_bot.core.decisions import Decision
from ci_bot.core.errors import BadDelivery, KeyReused
from ci_bot.core.events import RunSteered
from ci_bot.core.steering import decide_steering, is_the_same, request_id
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
        self._keyed = asyncio.Lock()  # two requests of one key and another body: one is refused

    async def ask(self, event: RunSteered, key: str = "") -> str:
        """Durable when it returns; the request's id. Raises `StoreError`, `KeyReused`.

        The same with the same `key` is one request, for as long as decided requests are kept.
        """
        if not key:
            return await self._put(event, self._ids.new())
        async with self._keyed:
            return await self.asked_before(event, key) or await self._put(
                event, request_id(event.token, key)
            )

    async def asked_before(self, event: RunSteered, key: str) -> str | None:
        """The id under which this token asked exactly this with this key. Raises `StoreError`, `KeyReused`."""
        id = request_id(event.token, key)
        known = await self.outcome(event.token, id)
        if known is None:
            return None
        if not is_the_same(SteeringParser().parse({}, known.body), event):
            raise KeyReused(f"the key was used for another request, {id}")
        return id

    async def _put(self, event: RunSteered, id: str) -> str:
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
