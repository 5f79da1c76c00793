"""The description against a running server with real runs: schemathesis asks what it says, and what it does not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from ci_bot.core.model import Problem, RunKind, Verdict
from ci_bot.core.states import Change
from ci_bot.web.api import logs
from tests.fakes import FakeForge, FakeWebhook
from tests.flow.road import Deciding
from tests.make import SHA_B, job, plan
from tests.web.api.conftest import WRITER, Api

SECONDS = 240.0  # some 30 where nobody else needs the machine


@pytest.fixture
async def filled(api: Api) -> Api:
    """Runs of every kind: passed, failed, going on, held, and broken before they began."""
    await api.a_run(b"one\n" * 1000, change=Change.SUCCEED, ref="passed")
    await api.begin(ref="held", verdict=Verdict.HELD, plan=None)
    mistake = Problem(".ci.yaml", "jobs", 1, 2, "unknown key", "did you mean")
    await api.begin(ref="broken", verdict=Verdict.CONFIG_BROKEN, plan=None, problems=(mistake,))
    await api.begin(ref="queued", plan=plan(job("test"), job("deploy", needs=("test",))))
    await api.a_run(b"\xff" * 9, sha=SHA_B, ref="fix", kind=RunKind.PULL_REQUEST, pull=3)
    return api


@pytest.mark.timeout(300)
async def test_the_api_does_what_its_description_says(
    filled: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All checks of schemathesis. Meanwhile what it asks for is decided, and what it retries ends."""
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    url = str(filled.server.make_url("/api/v1/openapi.json"))
    options = ["--checks", "all", "--max-examples", "15", "--seed", "7", "--request-timeout", "10"]
    options += ["--header", f"Authorization: Bearer {WRITER}", "--no-color"]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "schemathesis.cli", "run", url, *options],
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    is_over = asyncio.Event()
    working = asyncio.create_task(_work(filled, is_over))
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
    finally:
        is_over.set()
        await working
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()


async def _work(api: Api, is_over: asyncio.Event) -> None:
    deciding = Deciding(api.store, FakeForge(), FakeWebhook())
    while not is_over.is_set():
        await deciding.decide()
        claim = await api.store.runs.claim("one/p1", 30)
        if claim is not None:
            await api.store.runs.end_job(claim.lease, Change.FAIL, "it ended")
        await asyncio.sleep(0.02)
