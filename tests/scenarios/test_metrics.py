"""`/metrics` of a server that has run something: each documented metric is there, and the busy ones count."""

from __future__ import annotations

import re
from urllib.request import urlopen

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.promtool import is_there, promtool
from tests.scenarios.world import World
from tests.test_deploy_metrics import expressions
from tests.test_docs import table

FAILING = """\
jobs:
  test:
    steps:
      - exit 3
"""


def page(world: World) -> str:
    with urlopen(f"{world.bot.url}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def scraped(world: World) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(page(world))}


def sample(families: dict[str, Metric], name: str, **labels: str) -> float:
    return sum(
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == name and labels.items() <= each.labels.items()
    )


async def test_every_documented_metric_is_there_and_counts(world: World) -> None:
    await world.make_repo()
    before = scraped(world)
    await world.ended(await world.push("main", ci_yaml=FAILING))
    await world.check(await world.push("main", again="1"), "ci-bot")
    await world.settled()
    after = scraped(world)
    documented = [row[0] for row in table("docs/operations.md", "Health") if "ci_bot_" in row[0]]
    assert len(documented) > 20
    assert {name.removesuffix("_total") for name in documented} <= set(after)

    for name, labels in (
        ("ci_bot_deliveries_total", {"answer": "stored"}),
        ("ci_bot_delivery_seconds_count", {}),
        ("ci_bot_decide_seconds_count", {}),
        ("ci_bot_jobs_total", {"result": "fail"}),
        ("ci_bot_job_seconds_count", {}),
        ("ci_bot_step_seconds_count", {}),
        ("ci_bot_run_seconds_count", {"result": "failed"}),
        ("ci_bot_queue_seconds_count", {}),
        ("ci_bot_published_total", {"result": "accepted"}),
        ("ci_bot_forge_requests_total", {"endpoint": "/check-runs", "status": "2xx"}),
        ("ci_bot_forge_request_seconds_count", {}),
    ):
        assert sample(after, name, **labels) > sample(before, name, **labels), name
    budget = {"installation": str(world.installation)}
    assert sample(after, "ci_bot_forge_budget_remaining", **budget) > 0
    assert sample(after, "ci_bot_disk_free_bytes", setting="data_dir") > 0
    assert sample(after, "ci_bot_database_up") == 1
    there = {each.name for family in after.values() for each in family.samples}
    asked = {name for _, text in expressions() for name in re.findall(r"ci_bot_\w+", text)}
    assert asked - {"ci_bot_forge_token_expires_timestamp_seconds"} <= there  # an App has none
    if is_there():  # skipping would hide the rest
        promtool("check", "metrics", stdin=page(world))
    assert world.org not in "".join(str(family.samples) for family in after.values())
