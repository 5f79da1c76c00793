"""From a webhook to the first line of a step's output in the stored log, and where the time goes."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import docker
from docker.errors import DockerException

from bench.scene import PATIENCE, Payload, Scene, bring_busybox, scene
from bench.table import CannotMeasure, Result, Target, ms, report
from dev.recipes import BUSYBOX

RUNS = 10
LIMIT_SECONDS = 1.0
POLL_SECONDS = 0.001
CI_YAML = f"""\
jobs:
  test:
    image: {BUSYBOX}
    steps:
      - echo the first line; sleep 0.3
"""

ANSWERED, DECIDED, CLAIMED, READY = "answered", "decided", "job claimed", "workspace ready"
CREATED, STARTED, LINE = "container created", "container started", "first line stored"
STAGES = (ANSWERED, DECIDED, CLAIMED, READY, CREATED, STARTED, LINE)

Moments = Mapping[str, float]  # stage → seconds since the webhook was sent


def measure() -> Result:
    bring_busybox()
    return asyncio.run(_measure())


async def _measure() -> Result:
    async with scene() as here, aiohttp.ClientSession() as session:
        repo = await here.found("acme", {".ci.yaml": CI_YAML, "README.md": "# Shop\n"})
        await _push(here, repo, 0)  # the usual way; this run also fills mirror and caches
        template = await here.template(repo)
        await _ended(here, 1)
        await here.forge.fault("hook_lose", "^push")  # from now on we deliver, and know when
        runs = [await _run(here, session, template, number) for number in range(1, RUNS + 1)]
    return _result(runs)


def _result(runs: Sequence[Moments]) -> Result:
    rows = []
    for stage, before in zip(STAGES, (None, *STAGES), strict=False):
        taken = [run[stage] - (run[before] if before else 0.0) for run in runs]
        reached = [run[stage] for run in runs]
        rows.append((stage, ms(median(taken)), ms(max(taken)), ms(median(reached)), ms(max(reached))))
    lines = [run[LINE] for run in runs]
    return Result(
        title=f"first line: webhook sent → first line of output stored, warm, {len(runs)} runs, ms",
        columns=("until", "step median", "max", "since sent: median", "max"),
        rows=tuple(rows),
        targets=(Target("median", median(lines), LIMIT_SECONDS, "s"),),
    )


async def _push(here: Scene, repo: str, number: int) -> str:
    return await here.forge.push(repo, "main", {"number.txt": f"{number}\n"}, by="alice")


async def _run(here: Scene, session: aiohttp.ClientSession, template: Payload, number: int) -> Moments:
    sha = await _push(here, str(template["repository"]["full_name"]), number)
    delivery = here.pushed(template, sha, template["after"])
    known = {path.name for path in (here.data / "logs").iterdir()}
    await asyncio.sleep(0.3)  # git and the forge come to rest
    sent = time.time()
    sending = asyncio.create_task(_send(session, here.bot.hook, delivery.headers, delivery.body))
    job, seen = await _first_line(here.data / "logs", known)
    moments = {
        ANSWERED: await sending,
        READY: (here.data / "jobs" / job / "ready").stat().st_mtime,
        LINE: seen,
    }
    await _ended(here, number + 1)
    moments |= _logged(here, delivery.headers["X-GitHub-Delivery"], job)
    moments |= await asyncio.to_thread(_engine_events, job, sent)
    return {stage: moment - sent for stage, moment in moments.items()}


async def _send(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes
) -> float:
    async with session.post(url, data=body, headers=headers) as answer:
        if answer.status != 202:
            raise CannotMeasure(f"the delivery was answered {answer.status}")
        return time.time()


async def _first_line(logs: Path, known: set[str]) -> tuple[str, float]:
    """The job that is new, and when its first step's log held a line."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for folder in logs.iterdir():
            log = folder / "0.log"
            if folder.name not in known and log.exists() and b"\n" in log.read_bytes():
                return folder.name, time.time()
        await asyncio.sleep(POLL_SECONDS)
    raise CannotMeasure(f"no line of output within {PATIENCE:.0f} s")


async def _ended(here: Scene, count: int) -> None:
    """Waits until so many jobs have ended, and what was published of them is published."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if sum(entry["event"] == "job ended" for entry in _entries(here)) >= count:
            await asyncio.sleep(0.5)
            return
        await asyncio.sleep(0.05)
    raise CannotMeasure(f"a job did not end: {here.bot.process.tail(1000)}")


def _logged(here: Scene, delivery: str, job: str) -> dict[str, float]:
    """Moments that ci-bot's own log tells."""
    moments = {}
    for entry in _entries(here):
        if entry["event"] == "decided" and entry["delivery"] == delivery:
            moments[DECIDED] = _moment(entry)
        if entry["event"] == "job started" and entry["job"] == job:
            moments[CLAIMED] = _moment(entry)
    return moments


def _entries(here: Scene) -> Sequence[dict[str, Any]]:
    lines = here.bot.process.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def _moment(entry: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(entry["timestamp"]).timestamp()


def _engine_events(job: str, since: float) -> dict[str, float]:
    """Moments that the engine tells of the job's container."""
    names = {"create": CREATED, "start": STARTED}
    try:
        engine = docker.from_env()
        try:
            found = engine.events(
                since=int(since),
                until=int(time.time()) + 1,
                filters={"type": "container", "event": list(names), "label": f"ci-bot.job={job}"},
                decode=True,
            )
            return {names[event["Action"]]: event["timeNano"] / 1e9 for event in found}
        finally:
            engine.close()
    except DockerException as error:
        raise CannotMeasure(f"the engine does not tell its events: {error}") from error


if __name__ == "__main__":
    sys.exit(report(measure))
