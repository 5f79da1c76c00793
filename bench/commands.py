"""From a signed comment to ci-bot's reaction on the forge, and from `/cancel` to the container's end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import aiohttp
import docker
from docker.errors import DockerException

from bench.scene import PATIENCE, Payload, Scene, bring_busybox, scene
from bench.table import CannotMeasure, Result, Target, ms, report
from dev.recipes import BUSYBOX

RUNS = 3  # measured; one more before them warms up
LIMIT_SECONDS = 2.0
POLL_SECONDS = 0.01
CI_YAML = f"""\
jobs:
  test:
    image: {BUSYBOX}
    steps:
      - sleep 600
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds since the comment was sent."""

    retry_seen: float  # 👀 on `/retry`
    cancel_seen: float  # 👀 on `/cancel`
    container_ended: float


def measure() -> Result:
    bring_busybox()
    return asyncio.run(_measure())


async def _measure() -> Result:
    async with scene() as here, aiohttp.ClientSession() as session:
        repo = await here.found("acme", {".ci.yaml": CI_YAML, "README.md": "# Shop\n"})
        await here.forge.push(repo, "feature", {"new.txt": "1\n"}, by="alice")
        number = int((await here.forge.open_pull(repo, "feature", by="alice"))["number"])
        await _running(repo)
        await here.forge.comment(repo, number, "/help", by="alice")
        template = await here.template(repo, "comment")
        await here.forge.fault("hook_lose", "^issue_comment")  # from now on we deliver, and know when
        commenting = Commenting(here, session, repo, number, template)
        await commenting.cancel()
        rounds = [await _round(commenting) for _ in range(RUNS + 1)]
    return _result(rounds[1:])


def _result(rounds: Sequence[Round]) -> Result:
    figures = {
        "/retry → reaction": [each.retry_seen for each in rounds],
        "/cancel → reaction": [each.cancel_seen for each in rounds],
        "/cancel → container's end": [each.container_ended for each in rounds],
    }
    reactions = [*figures["/retry → reaction"], *figures["/cancel → reaction"]]
    return Result(
        title=f"commands: signed comment sent → seen by people, warm, {len(rounds)} runs each, ms",
        columns=("", "median", "max"),
        rows=tuple((name, ms(median(taken)), ms(max(taken))) for name, taken in figures.items()),
        targets=(
            Target("slowest reaction", max(reactions), LIMIT_SECONDS, "s"),
            Target("slowest cancel", max(figures["/cancel → container's end"]), LIMIT_SECONDS, "s"),
        ),
    )


async def _round(commenting: Commenting) -> Round:
    retry_seen = await commenting.retry()
    cancel_seen, ended = await commenting.cancel()
    return Round(retry_seen, cancel_seen, ended)


@dataclass(frozen=True, slots=True)
class Commenting:
    """Comments on one pull request, delivered by us at a moment that we know."""

    here: Scene
    session: aiohttp.ClientSession
    repo: str
    number: int
    template: Payload

    async def retry(self) -> float:
        """Seconds until the reaction; returns once the new attempt's container runs."""
        sent, comment = await self._send("/retry")
        seen = await self._reaction(comment)
        await _running(self.repo)
        return seen - sent

    async def cancel(self) -> tuple[float, float]:
        """Seconds until the reaction, and until the container's end; returns once all is shown."""
        async with _end_of_container(self.repo) as end:
            sent, comment = await self._send("/cancel")
            seen = await self._reaction(comment)
            ended = await asyncio.wait_for(end, PATIENCE)
        await self._reaction(comment, "rocket")
        return seen - sent, ended - sent

    async def _send(self, text: str) -> tuple[float, int]:
        """The moment of sending, and the comment's id."""
        comment = await self.here.forge.comment(self.repo, self.number, text, by="alice")
        delivery = self.here.commented(self.template, comment)
        await asyncio.sleep(1.0)  # what the last round led to comes to rest
        sent = time.time()
        posting = self.session.post(self.here.bot.hook, data=delivery.body, headers=delivery.headers)
        async with posting as answer:
            if answer.status != 202:
                raise CannotMeasure(f"the delivery was answered {answer.status}")
        return sent, int(comment["id"])

    async def _reaction(self, comment: int, wanted: str = "eyes") -> float:
        """When the forge had it, as its own ledger tells."""
        path = f"/repos/{self.repo}/issues/comments/{comment}/reactions"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for entry in await self.here.forge.ledger():
                is_one = entry.get("method") == "POST" and entry.get("path") == path
                if is_one and entry["request"]["content"] == wanted:
                    return float(entry["time"])
            await asyncio.sleep(POLL_SECONDS)
        raise CannotMeasure(f"no {wanted} within {PATIENCE:.0f} s: {self.here.bot.process.tail(1000)}")


async def _running(repo: str) -> None:
    """Waits until a container of the repository runs."""
    deadline = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(_containers, repo):
        if time.monotonic() > deadline:
            raise CannotMeasure(f"no container runs after {PATIENCE:.0f} s")
        await asyncio.sleep(POLL_SECONDS)


def _containers(repo: str) -> Sequence[Any]:
    engine = docker.APIClient()
    try:
        found: Sequence[Any] = engine.containers(filters={"label": f"ci-bot.repo={repo}"})
        return found
    finally:
        engine.close()


@asynccontextmanager
async def _end_of_container(repo: str) -> AsyncIterator[asyncio.Future[float]]:
    """Gives when the engine says that a container of the repository ended."""
    engine = docker.APIClient(timeout=int(PATIENCE))
    wanted = {"event": "die", "label": f"ci-bot.repo={repo}"}
    try:
        events = await asyncio.to_thread(engine.events, decode=True, filters=wanted)
        yield asyncio.ensure_future(asyncio.to_thread(_moment_of_next, events))
    except DockerException as error:
        raise CannotMeasure(f"the engine does not tell its events: {error}") from error
    finally:
        engine.close()


def _moment_of_next(events: Any) -> float:
    return float(next(iter(events))["timeNano"]) / 1e9


if __name__ == "__main__":
    sys.exit(report(measure))
