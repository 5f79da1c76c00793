"""How long a forge waits for the 2xx of a delivery while 20 are in flight, and what a bare server takes."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import aiohttp

from bench.bare_server import bare_server
from bench.scene import Delivery, Scene, scene
from bench.table import CannotMeasure, Result, Target, ms, quantile, report, times
from tests.forge_sim.gitpush import git

IN_FLIGHT = 20
ROUNDS = 4
ORGANISATIONS = 4  # the bot keeps to GitHub's limits for each, so one alone would be decided slowly
COMMITS = 110  # of each organisation's repository; 100 are measured, 10 warm up
LIMIT_MS = 100.0
SHARES = (0.5, 0.95, 0.99, 1.0)


def measure() -> Result:
    return asyncio.run(_measure())


async def _measure() -> Result:
    async with scene() as here, bare_server() as bare, aiohttp.ClientSession() as session:
        warm, *volleys = _dealt(await _deliveries(here))
        await _fire(session, here.bot.hook, warm)
        await _fire(session, bare, warm)
        ours: list[float] = []
        theirs: list[float] = []
        deciding = 0.0
        for volley in volleys:
            deciding += await _decided(here)
            theirs += await _fire(session, bare, volley)
            ours += await _fire(session, here.bot.hook, volley)
        deciding += await _decided(here)
    return _result(ours, theirs, deciding)


async def _decided(here: Scene) -> float:
    """Waits until ci-bot is idle; how many seconds."""
    began = time.perf_counter()
    await here.all_decided()
    return time.perf_counter() - began


def _result(ours: Sequence[float], theirs: Sequence[float], deciding: float) -> Result:
    rows = [
        (name, *(ms(quantile(taken, share)) for share in SHARES))
        for name, taken in (("ci-bot", ours), ("bare aiohttp", theirs))
    ]
    ratios = ("ratio", *(times(quantile(ours, share) / quantile(theirs, share)) for share in SHARES))
    return Result(
        title=f"webhook: sent → 2xx, {IN_FLIGHT} in flight, {len(ours)} deliveries, ms",
        columns=("", "p50", "p95", "p99", "max"),
        rows=(*rows, ratios),
        targets=(Target("p99", quantile(ours, 0.99) * 1000, LIMIT_MS, "ms"),),
        notes=(f"it is deciding meanwhile, and went on for {deciding:.1f} s after the answers",),
    )


async def _fire(
    session: aiohttp.ClientSession, url: str, volley: Sequence[Delivery]
) -> Sequence[float]:
    """Seconds from sending to the answer's head, of each delivery."""
    taken = []
    waiting = iter(volley)

    async def lane() -> None:
        for delivery in waiting:
            began = time.perf_counter()
            async with session.post(url, data=delivery.body, headers=delivery.headers) as answer:
                taken.append(time.perf_counter() - began)
                if answer.status != 202:
                    raise CannotMeasure(f"{url} answered {answer.status}: {await answer.text()}")

    async with asyncio.timeout(60):
        await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return taken


async def _deliveries(here: Scene) -> Sequence[Delivery]:
    """About real commits of repositories without a `.ci.yaml`, the repositories taking turns."""
    names = [f"org{number}" for number in range(ORGANISATIONS)]
    of_each = await asyncio.gather(*(_deliveries_of(here, name) for name in names))
    await here.all_decided()
    return [delivery for turn in zip(*of_each, strict=True) for delivery in turn]


async def _deliveries_of(here: Scene, org: str) -> Sequence[Delivery]:
    repo = await here.found(org, {"README.md": "# Shop\n"})
    shas = await _push_commits(here, repo)
    template = await here.template(repo)
    return [here.pushed(template, sha, before) for before, sha in pairwise(shas)]


async def _push_commits(here: Scene, repo: str) -> Sequence[str]:
    """Makes and pushes many commits at once; all shas, oldest first."""
    remote = here.forge.remote(repo, await here.forge.user("alice"))
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as folder:
        clone = Path(folder)
        await git(clone, "clone", "--quiet", remote, ".")
        who = ("-c", "user.name=alice", "-c", "user.email=alice@example.com")
        for number in range(COMMITS):
            await git(clone, *who, "commit", "--quiet", "--allow-empty", "-m", f"Change {number}")
        await git(clone, "push", "--quiet", "origin", "HEAD")
        return (await git(clone, "rev-list", "--reverse", "HEAD")).split()


def _dealt(deliveries: Sequence[Delivery]) -> Sequence[Sequence[Delivery]]:
    """A small volley that warms up, then equal ones."""
    warm = ORGANISATIONS * (COMMITS - 100)
    size = (len(deliveries) - warm) // ROUNDS
    return [deliveries[:warm], *(deliveries[warm + n * size :][:size] for n in range(ROUNDS))]


if __name__ == "__main__":
    sys.exit(report(measure))
