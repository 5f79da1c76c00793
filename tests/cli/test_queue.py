"""`ci-bot queue`: who holds a place, who waits for which, from the server's own data."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from ci_bot.core.planned import Concurrency
from tests.cli.conftest import Ask
from tests.make import SHA_A, SHA_B, creating, job, new_run, plan
from tests.stores import open_store

DEPLOY = replace(job("deploy"), concurrency=Concurrency("production"))


def served(folder: Path) -> None:
    """What a server leaves that runs one deployment while another one waits."""

    async def make() -> None:
        async with open_store(f"sqlite+aiosqlite:///{folder / 'ci-bot.db'}") as store:
            for sha in (SHA_A, SHA_B):
                store.clock.time += 1
                await store.decisions.commit(creating(new_run(sha, plan=plan(DEPLOY))), None)
            assert await store.runs.claim("one/p", 30)

    folder.mkdir(exist_ok=True)
    asyncio.run(make())


def test_it_says_who_holds_and_who_waits_and_why(ask: Ask, here: Path, tmp_path: Path) -> None:
    served(tmp_path / "data")
    answer = ask("queue")
    holds, waits = answer.out.splitlines()
    assert answer.code == 0
    assert holds.startswith("acme/shop  ")
    assert holds.endswith('(aaaaaaa)  deploy runs, holds "production"')
    assert 'waits for its turn: the concurrency group "production" takes 1 at a time' in waits
    assert "; held by deploy of run " in waits
    found = json.loads(ask("queue", "--json").out)
    assert [place["group"] for place in found["places"]] == ["production"]
    assert [each["job"] for each in found["waiting"]] == ["deploy"]


def test_an_idle_server_says_so_and_none_at_all_is_an_error(
    ask: Ask, here: Path, tmp_path: Path
) -> None:
    assert ask("queue").code == 2
    (tmp_path / "data").mkdir(exist_ok=True)

    async def make() -> None:
        async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ci-bot.db'}"):
            pass

    asyncio.run(make())
    assert ask("queue").out == "nothing runs and nothing waits\n"
