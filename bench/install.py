"""From the press of Install, on an organisation of 300 repositories, until ci-bot knows them all and rests."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import closing

from bench.scene import PATIENCE, Scene, scene
from bench.table import CannotMeasure, Result, Target, ms, report

REPOSITORIES = 300
LIMIT_SECONDS = 60.0
#: GitHub's points a minute for one installation; a read is 1, a write 5.
#: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
LIMIT_POINTS = 900
REST_SECONDS = 5.0  # how long nothing may be asked until it is called resting

CI_YAML = "jobs:\n  test:\n    steps: [echo all is well]\n"


def measure() -> Result:
    return asyncio.run(_measure())


async def _measure() -> Result:
    async with scene() as here:
        await here.forge.organization("acme")
        for number in range(REPOSITORIES):
            await here.forge.repo(f"acme/r{number}", {".ci.yaml": CI_YAML})
        asked = len(await here.forge.ledger())
        pressed = time.monotonic()
        await here.forge.install(int(here.bot.env["CI_BOT_GITHUB__APP_ID"]), "acme")
        await _known(here)
        known = time.monotonic() - pressed
        last = await _resting(here, asked) - pressed
        points = sum(_points(each) for each in await _calls(here, asked))
        runs = _count(here, "runs")
    return Result(
        title=f"install: an organisation of {REPOSITORIES} repositories, ms",
        columns=("until", "since pressed"),
        rows=(("all repositories known", ms(known)), ("at rest", ms(max(known, last)))),
        targets=(
            Target("at rest after", max(known, last), LIMIT_SECONDS, "s"),
            Target("asked of the API", points, LIMIT_POINTS, "points"),
            Target("runs begun", runs, 0, "runs"),
        ),
    )


async def _known(here: Scene) -> None:
    deadline = time.monotonic() + PATIENCE
    while _count(here, "repositories") < REPOSITORIES:
        if time.monotonic() > deadline:
            raise CannotMeasure(f"not all are known: {here.bot.process.tail(1000)}")
        await asyncio.sleep(0.01)


async def _resting(here: Scene, since: int) -> float:
    """When the last question was asked, by our clock; 0 if none was."""
    seen, last, quiet = 0, 0.0, time.monotonic()
    while time.monotonic() - quiet < REST_SECONDS:
        count = len(await _calls(here, since))
        if count != seen:
            seen, last = count, time.monotonic()
            quiet = last
        await asyncio.sleep(0.1)
    return last


async def _calls(here: Scene, since: int) -> list[dict[str, str]]:
    return [
        entry
        for entry in await here.forge.ledger(since)
        if entry["kind"] == "api" and entry["who"].startswith(("app:", "installation:"))
    ]


def _points(entry: dict[str, str]) -> int:
    return 1 if entry["method"] == "GET" else 5


def _count(here: Scene, table: str) -> int:
    url = f"file:{here.data / 'ci-bot.db'}?mode=ro"
    with closing(sqlite3.connect(url, uri=True, timeout=10)) as database:
        ((count,),) = database.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)


if __name__ == "__main__":
    sys.exit(report(measure))
