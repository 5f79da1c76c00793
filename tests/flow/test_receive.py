"""One HTTP request becomes a durable delivery, a refusal, or a polite nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ci_bot.core.errors import BadDelivery, SignatureRefused, StoreError
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.receive import Received, Receiver
from tests.fakes import FakeWebhook
from tests.make import pushed
from tests.stores import Store

SIGNED = {"X-Signature": "good", "X-Delivery": "d1", "X-Event": "push"}


@pytest.fixture
def webhook() -> FakeWebhook:
    return FakeWebhook()


@pytest.fixture
def arrived() -> Bell:
    return Bell()


@pytest.fixture
def receiver(store: Store, webhook: FakeWebhook, arrived: Bell) -> Receiver:
    return Receiver({"github": webhook}, store.inbox, arrived, Meters())


async def rang(bell: Bell) -> bool:
    import asyncio

    waiting = asyncio.create_task(bell.wait(60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    return waiting.done()


async def test_what_asks_for_something_is_durable_when_the_answer_comes(
    receiver: Receiver, webhook: FakeWebhook, store: Store, arrived: Bell
) -> None:
    body = webhook.send(pushed())
    assert await receiver.receive("github", SIGNED, body) is Received.STORED
    (stored,) = await store.inbox.pending(10)
    assert (stored.delivery.forge, stored.delivery.delivery_id) == ("github", "d1")
    assert stored.delivery.body == body
    assert await rang(arrived)


async def test_a_redelivery_is_recognised_and_wakes_nobody(
    receiver: Receiver, webhook: FakeWebhook, store: Store, arrived: Bell
) -> None:
    body = webhook.send(pushed())
    await receiver.receive("github", SIGNED, body)
    assert await rang(arrived)
    assert await receiver.receive("github", SIGNED, body) is Received.REPEATED
    assert len(await store.inbox.pending(10)) == 1
    assert not await rang(arrived)


async def test_the_signature_is_verified_before_anything_else_is_read(
    receiver: Receiver, webhook: FakeWebhook, store: Store
) -> None:
    body = webhook.send(pushed())
    with pytest.raises(SignatureRefused):
        await receiver.receive("github", {"X-Delivery": "d1"}, body)
    assert webhook.calls == ["verify"]
    assert await store.inbox.pending(10) == []


async def test_signed_junk_is_refused_and_not_stored(receiver: Receiver, store: Store) -> None:
    with pytest.raises(BadDelivery):
        await receiver.receive("github", SIGNED, b"junk")
    assert await store.inbox.pending(10) == []


async def test_what_asks_for_nothing_is_not_stored(
    receiver: Receiver, webhook: FakeWebhook, store: Store, arrived: Bell
) -> None:
    assert await receiver.receive("github", SIGNED, webhook.send(None)) is Received.IGNORED
    assert await store.inbox.pending(10) == []
    assert not await rang(arrived)


async def test_a_store_that_fails_surfaces_so_that_the_forge_sends_it_again(
    receiver: Receiver, webhook: FakeWebhook, store: Store
) -> None:
    async with store.database.write() as connection:
        await connection.execute(text("ALTER TABLE deliveries RENAME TO elsewhere"))
    with pytest.raises(StoreError):
        await receiver.receive("github", SIGNED, webhook.send(pushed()))


async def test_nothing_that_proves_or_tells_who_sent_it_is_kept(
    receiver: Receiver, webhook: FakeWebhook, store: Store
) -> None:
    secret = {
        "X-Hub-Signature": "s",
        "X-Hub-Signature-256": "s",
        "X-Gitlab-Token": "t",
        "X-Auth-Authorization": "b",
        "Authorization": "Basic x",
        "Cookie": "c",
        "X-Forwarded-For": "10.0.0.1",
        "X-Real-IP": "10.0.0.1",
    }
    await receiver.receive("github", SIGNED | secret, webhook.send(pushed()))
    (stored,) = await store.inbox.pending(10)
    assert stored.delivery.headers == {"x-delivery": "d1", "x-event": "push"}


async def test_only_forges_that_are_set_up_are_served(receiver: Receiver) -> None:
    assert receiver.serves("github")
    assert not receiver.serves("gitlab")
