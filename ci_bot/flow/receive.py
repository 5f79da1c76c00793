"""1. receive: one HTTP request → a durable delivery, or a refusal, or a polite nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import structlog

from ci_bot.core.chat import parse
from ci_bot.core.deciding import turn_of
from ci_bot.core.events import Commented, Event
from ci_bot.core.manners import prefixes
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.ports import Delivery, Inbox, Webhook

_log = structlog.get_logger()

#: Headers that are kept beside the body: a forge's own, but nothing that proves who sent it.
KEPT_PREFIX: Final = "x-"
NEVER_KEPT: Final = ("signature", "token", "authorization", "forwarded", "real-ip")


#: Bytes of JSON that cost less to read than a thread does.
PARSED_AT_ONCE: Final = 256 * 1024

#: Characters of a comment that cost less to read than a thread does, whatever they are.
READ_AT_ONCE: Final = 1024


class Received(StrEnum):
    STORED = "stored"
    REPEATED = "repeated"  # the same delivery again
    IGNORED = "ignored"  # it asks for nothing


class Receiver:
    """Verifies first, on the raw bytes; answers only when what was asked is durable."""

    def __init__(
        self,
        webhooks: Mapping[str, Webhook],
        inbox: Inbox,
        arrived: Bell,
        meters: Meters,
        command_prefix: str = "",
    ) -> None:
        self._command_prefix = command_prefix
        self._webhooks = webhooks
        self._inbox = inbox
        self._arrived = arrived
        self._meters = meters

    def serves(self, forge: str) -> bool:
        return forge in self._webhooks

    def require_signature(self, forge: str, headers: Mapping[str, str]) -> None:
        """Raises `SignatureRefused` where it is no use to read the body."""
        self._webhooks[forge].require_signature(headers)

    async def receive(self, forge: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Raises `SignatureRefused`, `BadDelivery` (4xx) and `StoreError` (503: send it again)."""
        webhook = self._webhooks[forge]
        webhook.verify(headers, body)
        delivery_id = webhook.delivery_id(headers)
        event = await _parsed(webhook, headers, body)
        if event is None or not await self._asks(event):
            return self._told(Received.IGNORED, forge, delivery_id)
        delivery = Delivery(forge, delivery_id, _kept(headers), body, turn_of(event))
        is_new = await self._inbox.put(delivery)
        if is_new:
            self._arrived.ring()
        return self._told(Received.STORED if is_new else Received.REPEATED, forge, delivery_id)

    async def _asks(self, event: Event) -> bool:
        """Most comments are between people: those without a command are not even stored.

        A long one may be made to take long, and anybody may write it.
        """
        if not isinstance(event, Commented):
            return True
        heard = prefixes(event.repo.forge, self._command_prefix)
        if len(event.body) <= READ_AT_ONCE:
            return bool(parse(event.body, *heard))
        return bool(await asyncio.to_thread(parse, event.body, *heard))

    def _told(self, received: Received, forge: str, delivery_id: str) -> Received:
        self._meters.deliveries.labels(forge, received).inc()
        _log.info("delivery", forge=forge, delivery=delivery_id, answer=str(received))
        return received


async def _parsed(webhook: Webhook, headers: Mapping[str, str], body: bytes) -> Event | None:
    if len(body) <= PARSED_AT_ONCE:
        return webhook.parse(headers, body)
    return await asyncio.to_thread(webhook.parse, headers, body)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in headers.items()}
    return {
        name: value
        for name, value in lower.items()
        if name.startswith(KEPT_PREFIX) and not any(word in name for word in NEVER_KEPT)
    }
