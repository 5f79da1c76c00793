"""`ci-bot logs`: what the steps of a stored run wrote, while a server runs or none does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ci_bot.archive.logs import FileLogs
from ci_bot.core.model import LogRef
from ci_bot.core.states import Change
from tests.cli.conftest import Ask
from tests.make import creating, job, new_run, plan
from tests.stores import open_store


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """A run of two jobs, as a server left it."""
    return asyncio.run(_store_run(tmp_path / "data"))


async def _store_run(data: Path) -> str:
    data.mkdir()
    logs = FileLogs(data / "logs")
    async with open_store(f"sqlite+aiosqlite:///{data / 'ci-bot.db'}") as store:
        wanted = plan(job("build", "make", "make test"), job("lint", "lint"))
        (run_id,) = await store.decisions.commit(creating(new_run(plan=wanted)), None)
        for outputs in ((b"made\n", b"no line break"), (b"\x1b[31mred\x1b[0m \x1b]0;x\x07\n",)):
            claim = await store.runs.claim("one/p1", 30)
            assert claim is not None
            for index, output in enumerate(outputs):
                await store.runs.start_step(claim.lease, index)
                writer = logs.open(LogRef(claim.job.id, index), ())
                writer.write(output)
                size = writer.close()
                await store.runs.end_step(claim.lease, index, Change.SUCCEED, "", 0, size)
            await store.runs.end_job(claim.lease, Change.SUCCEED, "")
    return run_id


BUILD = """\
=== build: succeeded
--- 1. make: succeeded
made
--- 2. make test: succeeded
no line break
"""
LINT = """\
=== lint: succeeded
--- 1. lint: succeeded
red \\x1b]0;x\\x07
"""


def test_a_whole_run(ask: Ask, run_id: str) -> None:
    answer = ask("logs", run_id)
    assert (answer.code, answer.out) == (0, BUILD + LINT)


def test_one_job(ask: Ask, run_id: str) -> None:
    assert ask("logs", run_id, "lint").out == LINT


def test_an_unknown_job_is_told_with_those_that_there_are(ask: Ask, run_id: str) -> None:
    answer = ask("logs", run_id, "nosuch")
    assert (answer.code, answer.words) == (
        2,
        f"Error: run {run_id} has no job nosuch; its jobs: build, lint",
    )


def test_an_unknown_run(ask: Ask, run_id: str) -> None:
    answer = ask("logs", "nosuch")
    assert (answer.code, answer.words) == (2, "Error: there is no run nosuch here")


def test_where_no_server_ever_ran(ask: Ask, tmp_path: Path) -> None:
    answer = ask("logs", "x")
    assert (answer.code, answer.words) == (
        2,
        f"ci-bot: there is no ci-bot data in {tmp_path / 'data'}; set data_dir in ci-bot.toml",
    )
    assert not (tmp_path / "data").exists()
