"""`ci-bot schedules`: what starts by itself, for people and as JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from ci_bot.core.decisions import Decision, SeeRepo, SetSchedules, TickTaken
from ci_bot.core.planned import Schedule
from tests.cli.conftest import Ask
from tests.make import ALICE, REPO, SHA_A, new_run
from tests.stores import Store, open_store

NIGHTLY = Schedule("0 3 * * mon", "", 4)


def change(path: Path, *decisions: Decision) -> None:
    async def make() -> None:
        async with open_store(f"sqlite+aiosqlite:///{path / 'ci-bot.db'}") as store:
            store.clock.time = 1_795_780_800.0  # 2026-11-27 12:00 UTC, a Friday
            for decision in decisions:
                await store.decisions.commit(decision, None)
            await _note(store)

    asyncio.run(make())


async def _note(store: Store) -> None:
    """The first tick started something."""
    for timed in await store.schedules.listed():
        new = new_run()
        taken = TickTaken(timed.id, 1_795_000_000.0, "tests aaaaaaa", new.key)
        await store.decisions.commit(Decision("x", create=(new,), ticked=(taken,)), None)


@pytest.fixture
def data(tmp_path: Path, here: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_doctor_tells_which_is_due_next(ask: Ask, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    new = SetSchedules(REPO.key, SHA_A, ALICE, (NIGHTLY, Schedule("0 4 * * *", "", 5)))
    change(data, Decision("x", repos=(SeeRepo(REPO),), schedules=(new,)))
    (line,) = [each for each in ask("doctor").out.splitlines() if "schedules" in each]
    assert line.startswith('✓ schedules 2 schedules; acme/shop "0 4 * * *" of main, ')
    assert "2026-11-28 04:00 UTC" in line


def test_each_with_its_next_and_its_last_time(ask: Ask, data: Path) -> None:
    new = SetSchedules(REPO.key, SHA_A, ALICE, (NIGHTLY,))
    change(data, Decision("x", repos=(SeeRepo(REPO),), schedules=(new,)))
    first, second, third = ask("schedules", "--repo", REPO.name).out.splitlines()
    assert first == 'acme/shop  "0 3 * * mon" of main  (line 4 at aaaaaaa, by @alice)'
    assert second == "  next 2026-11-30 03:00 UTC"
    assert third.startswith("  last 2026-11-18 11:06 UTC: tests aaaaaaa (id")
    (shown,) = json.loads(ask("schedules", "--json").out)
    assert (shown["cron"], shown["branch"], shown["next"]) == (
        "0 3 * * mon",
        "main",
        "2026-11-30T03:00:00+00:00",
    )
    assert shown["run"] in third


def test_why_one_is_paused(ask: Ask, data: Path) -> None:
    broken = SetSchedules(REPO.key, SHA_A, ALICE, None, ".ci.yaml is broken at bbbbbbb")
    new = SetSchedules(REPO.key, SHA_A, ALICE, (NIGHTLY,))
    change(data, Decision("x", repos=(SeeRepo(REPO),), schedules=(new, broken)))
    assert "  paused: .ci.yaml is broken at bbbbbbb\n" in ask("schedules").out


def test_there_are_none(ask: Ask, data: Path) -> None:
    change(data, Decision("x", repos=(SeeRepo(REPO),)))
    answer = ask("schedules")
    assert (answer.code, answer.out) == (0, "")
    assert "no default branch's file has schedules" in answer.err
