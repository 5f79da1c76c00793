"""One trace from the webhook to the last report, also where the server was killed in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ci_bot.core.spans import trace_of
from tests.canary import CANARY
from tests.forge_sim.client import ForgeClient
from tests.preloaded import shared
from tests.rig import make_bot
from tests.scenarios.operating import cli
from tests.scenarios.world import World
from tests.tracing.sink import Collector, collecting

YAML = """\
jobs:
  test:
    steps:
      - name: uses it
        run: test -n "$TOKEN"; for i in 1 2 3 4 5 6; do sleep 0.5; done
        secrets: [TOKEN]
      - "true"
"""


@pytest.fixture
async def traced(
    forge_url: str, images: None, tmp_path: Path
) -> AsyncIterator[tuple[World, Collector]]:
    with collecting() as collector:
        async with ForgeClient(forge_url) as client:
            bot = await make_bot(
                client,
                tmp_path,
                slug=f"traced-{tmp_path.name}",
                waiting=shared(),
                CI_BOT_TRACES_URL=collector.url,
            )
            bot.start()
            try:
                world = World(client, bot, "traced")
                await world.found()
                yield world, collector
            finally:
                await asyncio.to_thread(bot.process.stop)


async def test_a_run_is_one_trace_over_a_restart(traced: tuple[World, Collector]) -> None:
    world, collector = traced
    await world.make_repo()
    await world.check(await world.push("main", warm="1"))
    cli(world, "secret", "set", "TOKEN", "--repo", world.repo, value=CANARY)
    sha = await world.push("main", ci_yaml=YAML)
    await world.until(world.containers)
    await world.until(lambda: any(span.name == "decide" for span in of(collector, sha)), patience=15)
    world.bot.process.kill()
    await asyncio.to_thread(world.bot.start)
    check = await world.check(sha)
    assert check["conclusion"] == "success"
    await world.settled()
    await asyncio.to_thread(world.bot.process.stop)  # sends what is left

    found = of(collector, sha)
    run = check["details_url"].split("/runs/")[1].split("?")[0]
    assert {span.trace_id for span in found} == {trace_of(run)}
    ids = {span.span_id for span in found}
    assert all(not span.parent_span_id or span.parent_span_id in ids for span in found)
    names = [span.name for span in found]
    assert {"webhook", "decide", "RUN traced/shop", "test", "true", "publish"} <= set(names)
    assert sum(name.startswith("uses ") for name in names) == 1
    assert all(CANARY not in repr(span) for span in collector.spans)
    (step,) = [span for span in found if span.name == "true"]
    about = collector.attributes(step)
    assert about["vcs.repository.url.full"] == f"{world.forge.url}/{world.repo}"
    assert about["cicd.pipeline.run.id"] == run
    assert about["cicd.pipeline.task.run.result"] == "success"


def of(collector: Collector, sha: str) -> list[Any]:
    return [
        span
        for span in collector.spans
        if collector.attributes(span).get("vcs.ref.head.revision") == sha
    ]
