"""From a container's write to the line in a reader's hands, over server-sent events."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median

import aiohttp

from bench.scene import PATIENCE, bring_busybox, scene
from bench.table import CannotMeasure, Result, Target, ms, quantile, report
from dev.recipes import BUSYBOX
from tests.forge_sim.client import ForgeClient

LINES = 40
LIMIT_SECONDS = 0.5
#: The container tells its own clock, which is the machine's: seconds and fractions since its start.
CI_YAML = f"""\
jobs:
  test:
    image: {BUSYBOX}
    steps:
      - for n in $(seq {LINES}); do read up rest </proc/uptime; echo "at $up"; sleep 0.25; done
"""


def measure() -> Result:
    bring_busybox()
    return asyncio.run(_measure())


async def _measure() -> Result:
    async with scene() as here, aiohttp.ClientSession() as session:
        repo = await here.found("acme", {".ci.yaml": CI_YAML, "README.md": "# Shop\n"})
        sha = await here.forge.push(repo, "main", {"number.txt": "1\n"}, by="alice")
        url = await _running(here.forge, repo, sha)
        async with asyncio.timeout(PATIENCE):
            delays = await _delays(session, url.replace("?key=", "/0/events?key="))
    if len(delays) < LINES // 2:
        raise CannotMeasure(f"only {len(delays)} lines came live")
    worst = max(delays)
    return Result(
        title=f"live: a container's write → the line in a reader's hands, {len(delays)} lines, ms",
        columns=("", "median", "95 of 100", "max"),
        rows=(("delay", ms(median(delays)), ms(quantile(delays, 0.95)), ms(worst)),),
        targets=(Target("max", worst, LIMIT_SECONDS, "s"),),
        notes=("the kernel tells its uptime in hundredths of a second",),
    )


async def _running(forge: ForgeClient, repo: str, sha: str) -> str:
    """The address of the job's page, as soon as the job runs."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for check in await forge.checks(repo, sha):
            if check["name"] == "ci-bot / test" and check["status"] == "in_progress":
                return str(check["details_url"])
        await asyncio.sleep(0.02)
    raise CannotMeasure("the job did not begin")


async def _delays(session: aiohttp.ClientSession, url: str) -> list[float]:
    """Of the lines that came after the stream was open; those before were only waiting for it."""
    delays: list[float] = []
    seen: set[int] = set()
    async with session.get(url) as answer:
        if answer.status != 200:
            raise CannotMeasure(f"the stream was answered {answer.status}")
        opened = _uptime()
        async for line in answer.content:
            now = _uptime()
            if line.startswith(b"event: end"):
                return delays
            if not line.startswith(b"data: "):
                continue
            for number, *pieces in json.loads(line[6:]).get("lines", []):
                written = float(str(pieces[0]).removeprefix("at "))
                if number not in seen and written > opened:
                    delays.append(max(0.0, now - written))
                seen.add(number)
    return delays


def _uptime() -> float:
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])


if __name__ == "__main__":
    sys.exit(report(measure))
