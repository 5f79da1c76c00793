"""The kernel kills a step that is far from its own limit: that is the machine's want of memory."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.limits import Limits
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import run, step

pytestmark = pytest.mark.docker

MIB = 1024**2
#: Takes all that there is, by a child, so that the shell lives to tell.
HOG = "until [ -e go ]; do sleep 0.1; done; tail /dev/zero"


def limit_file(container: str) -> Path | None:
    """Where the kernel has the limit of a container, in either version of control groups."""
    root = Path("/sys/fs/cgroup")
    places = (
        root / "memory/docker" / container / "memory.limit_in_bytes",
        root / "docker" / container / "memory.max",
        root / "system.slice" / f"docker-{container}.scope" / "memory.max",
    )
    return next((place for place in places if place.exists()), None)


async def test_killed_far_from_its_own_limit_a_step_is_the_machines_victim(
    images: None, instance: str, tmp_path: Path, job: JobSpec, engine: APIClient
) -> None:
    """A machine that has no memory left is one whose kernel allows less than the engine was told."""
    limits = Limits(memory=128 * MIB, cpus=1.5, pids=100)
    executor = DockerExecutor(instance=instance, run_dir=tmp_path / "run", limits=limits)
    async with executor.session(job) as session:
        running = asyncio.create_task(run(session, step(HOG, BUSYBOX)))
        while not (
            found := engine.containers(filters={"label": [f"{names.JOB}={job.id}", names.STEP]})
        ):
            await asyncio.sleep(0.05)
        kernels = limit_file(found[0]["Id"])
        if kernels is not None and os.geteuid() == 0:
            kernels.write_text(str(32 * MIB))
        (job.workspace.path / "go").touch()
        if kernels is None or os.geteuid() != 0:
            await running
            pytest.skip("the control groups of this engine cannot be had")
        with pytest.raises(EngineError, match=r"machine ran out of memory.* of the 128 MiB"):
            await running
    await executor.close()
