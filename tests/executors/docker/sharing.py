"""Servers that die over steps that share a container: what they leave, and that it is taken up."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.session import DockerSession
from ci_bot.ports import JobSpec, StepSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import run, sharing, step

#: How much of its telling a step's gate had heard when its server died; less than nothing: it was not released.
KILLS = (-1.0, 0.0, 0.5, 0.99, 1.0)

SECRET = "hunter2-of-the-test"


async def killed_server(
    script: str, job: JobSpec, instance: str, run_dir: Path, base_url: str = ""
) -> None:
    """Runs a step, and another in the same container, in a server process; kills that with SIGKILL."""
    facts = {
        "instance": instance,
        "run_dir": str(run_dir),
        "workspace": str(job.workspace.path),
        "job": job.id,
        "before": "echo kept > /tmp/file; printf 'first, no end'",
        "run": script,
        "base_url": base_url,
        "image": BUSYBOX,
    }
    command = (sys.executable, "-m", "tests.executors.docker.server", json.dumps(facts))
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    assert await server.stdout.readline() == b"began\n"
    server.kill()
    await server.wait()


async def runs_once(executor: DockerExecutor, job: JobSpec, told: float) -> None:
    """Whatever the dead server had said to the gate."""
    first = step("echo kept > /tmp/file", BUSYBOX)
    plain = step('echo x >> marker; cat marker /tmp/file; echo "$TOKEN"', BUSYBOX, index=1)
    second = replace(plain, secrets={"TOKEN": SECRET})
    with pytest.raises(ZeroDivisionError):
        async with executor.session(sharing(job)) as session:
            assert (await run(session, first))[0] == Exit(0)
            await _left(session, second, told)
            raise ZeroDivisionError
    async with executor.session(sharing(job)) as session:
        again = plain if await session.has_begun(second) else second
        assert await run(session, again) == (Exit(0), f"x\nkept\n{SECRET}\n".encode())
        last = step("cat marker; echo ${TOKEN-unset}", BUSYBOX, index=2)
        assert await run(session, last) == (Exit(0), b"x\nunset\n")


async def _left(session: DockerSession, spec: StepSpec, told: float) -> None:
    container = await session._containers.ready(spec)
    files = session._containers.files()
    if told < 0:
        return
    shared = session._share(container)
    owner = await session._host.interiors.owner(container.id, container.image)
    await files.give(spec, container.id, container.image, owner)
    whole = await files.release(spec, ())
    shared._told = whole[: int(told * len(whole))]
    await shared._tell()
