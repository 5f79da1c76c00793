"""Deliveries: durable before the answer, recognised when they come again."""

from __future__ import annotations

import asyncio

from ci_bot.core.decisions import Decision
from ci_bot.ports import Delivery
from ci_bot.store import Database, InboxStore
from tests.fakes import FakeClock
from tests.store.conftest import Store


def delivery(id: str = "one", body: bytes = b"{}") -> Delivery:
    return Delivery("github", id, {"x-github-event": "push"}, body)


async def test_what_was_put_survives_the_process(store: Store) -> None:
    assert await store.inbox.put(delivery())
    other = await Database.open(store.url)
    (found,) = await InboxStore(other, FakeClock()).pending(10)
    await other.close()
    assert found.delivery == delivery()


async def test_a_redelivery_is_recognised_and_another_body_under_the_same_id_is_not_lost(
    store: Store,
) -> None:
    assert await store.inbox.put(delivery())
    assert not await store.inbox.put(delivery())
    assert await store.inbox.put(delivery(body=b'{"other": 1}'))
    assert len(await store.inbox.pending(10)) == 2


async def test_a_burst_is_stored_whole_and_in_order(store: Store) -> None:
    answers = await asyncio.gather(*(store.inbox.put(delivery(f"d{i:03}")) for i in range(200)))
    assert all(answers)
    stored = await store.inbox.pending(1000)
    assert [item.delivery.delivery_id for item in stored] == [f"d{i:03}" for i in range(200)]


async def test_a_decided_delivery_is_no_longer_pending(store: Store) -> None:
    await store.inbox.put(delivery())
    (found,) = await store.inbox.pending(10)
    await store.decisions.commit(Decision("asks for nothing"), found.id)
    assert await store.inbox.pending(10) == []


async def test_a_failed_delivery_waits_for_its_time_and_one_set_aside_for_a_person(
    store: Store,
) -> None:
    await store.inbox.put(delivery())
    (found,) = await store.inbox.pending(10)
    await store.inbox.fail(found.id, "the forge is down", store.clock.now() + 60)
    assert await store.inbox.pending(10) == []
    store.clock.time += 61
    (again,) = await store.inbox.pending(10)
    assert again.tries == 1
    await store.inbox.fail(found.id, "a bug", None)
    assert await store.inbox.pending(10) == []
    assert await store.inbox.count_set_aside() == 1
    assert await store.inbox.put(delivery())  # redelivered: another try
    assert await store.inbox.count_set_aside() == 0
    (fresh,) = await store.inbox.pending(10)
    assert fresh.tries == 0
