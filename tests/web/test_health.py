"""Whether the process lives, whether it can work, and what it counts."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from ci_bot.core.errors import EngineGone, StoreError
from tests.make import pushed
from tests.web.conftest import Site


async def well() -> str:
    return "fine"


async def no_engine() -> str:
    raise EngineGone("the Docker engine at unix:///x does not answer")


async def no_database() -> str:
    raise StoreError("the database is locked")


async def test_a_process_that_answers_lives_whatever_else_is_broken(site: Site) -> None:
    site.checks |= {"engine": no_engine}
    assert await site.get("/healthz") == (200, "ok\n")


async def test_it_is_ready_when_everything_that_a_job_needs_is_there(site: Site) -> None:
    site.checks |= {"database": site.store.database.ping, "engine": well}
    assert await site.get("/readyz") == (200, "ready\n")


async def test_it_says_in_words_everything_that_is_missing(site: Site) -> None:
    site.checks |= {"database": no_database, "engine": no_engine, "other": well}
    assert await site.get("/readyz") == (
        503,
        "database: the database is locked\nengine: the Docker engine at unix:///x does not answer\n",
    )


async def test_metrics_are_what_prometheus_reads(site: Site) -> None:
    await site.post(site.webhook.send(pushed()))
    async with site.client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == CONTENT_TYPE_LATEST
        families = {one.name: one for one in text_string_to_metric_families(await answer.text())}
    assert {name for name in families if not name.startswith("ci_bot_")} == set()
    assert {sample.name: sample.value for sample in families["ci_bot_deliveries"].samples}[
        "ci_bot_deliveries_total"
    ] == 1
    assert all(one.documentation for one in families.values())
