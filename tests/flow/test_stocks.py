"""What waits is counted from the real store, when somebody asks."""

from __future__ import annotations

from ci_bot.core.decisions import Decision
from ci_bot.core.effects import React, Reaction
from ci_bot.core.errors import StoreError
from ci_bot.flow.meters import Meters
from ci_bot.flow.stocks import GOOD_SECONDS, Stocks
from ci_bot.ports import Delivery, ForgeCall, Stock
from ci_bot.store import StockStore
from tests.make import REPO, creating, job, new_run, plan
from tests.stores import Store


async def test_everything_that_waits_is_counted(store: Store) -> None:
    meters = Meters()
    stocks = Stocks(StockStore(store.database, store.clock), store.clock, meters)
    await stocks.refresh()
    assert value(meters, "ci_bot_longest_ready_seconds") == 0
    await store.inbox.put(Delivery("github", "d1", {}, b"x"))
    await store.inbox.put(Delivery("github", "d2", {}, b"y"))
    await store.inbox.fail(1, "a bug", None)
    two = plan(job("build"), job("test", needs=("build",)), job("lint"))
    await store.decisions.commit(creating(new_run(plan=two)), None)
    await store.decisions.commit(Decision("", effects=(React(REPO, 1, Reaction.TAKEN),)), None)
    await store.runs.claim("me/1", 30)
    store.clock.time += 40
    await stocks.refresh()
    assert [
        value(meters, "ci_bot_jobs_unfinished", status=status)
        for status in ("waiting", "ready", "running")
    ] == [1, 1, 1]
    assert value(meters, "ci_bot_longest_ready_seconds") == 40
    assert value(meters, "ci_bot_deliveries_waiting") == 1
    assert value(meters, "ci_bot_deliveries_set_aside") == 1
    assert value(meters, "ci_bot_publications_waiting") == 1
    assert value(meters, "ci_bot_effects_waiting") == 1
    assert value(meters, "ci_bot_database_up") == 1


async def test_a_database_that_fails_is_a_figure_too(store: Store) -> None:
    class Broken:
        asked = 0

        async def stock(self) -> Stock:
            self.asked += 1
            raise StoreError("locked")

    meters, broken = Meters(), Broken()
    stocks = Stocks(broken, store.clock, meters)
    for _ in range(3):
        await stocks.refresh()
    assert (value(meters, "ci_bot_database_up"), broken.asked) == (0, 1)
    store.clock.time += GOOD_SECONDS
    await stocks.refresh()
    assert broken.asked == 2


def test_requests_to_the_forge_are_counted_by_what_they_are_and_whose_budget_they_take() -> None:
    meters = Meters()
    meters.forge_called(ForgeCall("42", "/check-runs", "2xx", 0.2, 4999))
    meters.forge_called(ForgeCall("42", "/check-runs", "403", 0.2, -1))
    meters.forge_called(ForgeCall("", "/app", "none", 30.0, 12))
    calls = "ci_bot_forge_requests_total"
    assert value(meters, calls, endpoint="/check-runs", status="2xx") == 1
    assert value(meters, calls, endpoint="/check-runs", status="403") == 1
    assert value(meters, "ci_bot_forge_budget_remaining", installation="42") == 4999
    assert value(meters, "ci_bot_forge_budget_remaining", installation="app") == 12
    assert value(meters, "ci_bot_forge_request_seconds_count") == 3


def value(meters: Meters, name: str, **labels: str) -> float | None:
    return meters.registry.get_sample_value(name, labels)
