"""A step that fails on a full disk: whose matter that is follows from whose files are there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, Workspace
from dev.recipes import BUSYBOX
from tests.contract.executor import run, step
from tests.disks import small_disk

pytestmark = pytest.mark.docker

MIB = 1024**2
FILL = "dd if=/dev/zero of=bomb bs=1M count=100"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", 32) as where:
        yield where


@pytest.fixture
def on_it(job: JobSpec, disk: Path) -> JobSpec:
    (disk / "tree").mkdir()
    return replace(job, workspace=Workspace(disk / "tree", None))


async def test_filled_by_the_job_itself_it_is_its_own_failure_and_says_so(
    executor: DockerExecutor, on_it: JobSpec
) -> None:
    async with executor.session(on_it) as session:
        end, output = await run(session, step(FILL, BUSYBOX))
    assert b"No space left on device" in output
    assert end.code == 1
    assert end.message.startswith("exit code 1; the job's own files (3")
    assert end.message.endswith(" MB) have filled the disk of its workspace")


async def test_filled_by_others_it_is_an_infrastructure_failure(
    executor: DockerExecutor, on_it: JobSpec, disk: Path
) -> None:
    (disk / "others").write_bytes(b"\0" * (24 * MIB))
    async with executor.session(on_it) as session:
        with pytest.raises(EngineError, match=r"disk of the job's workspace is full .* exit code 1"):
            await run(session, step(FILL, BUSYBOX))


async def test_a_failure_with_room_on_the_disk_has_nothing_to_do_with_it(
    executor: DockerExecutor, on_it: JobSpec
) -> None:
    async with executor.session(on_it) as session:
        end, _ = await run(session, step("exit 3", BUSYBOX))
    assert (end.code, end.message) == (3, "")


async def test_what_fills_a_disk_can_be_ended_by_whoever_finds_it(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    async with executor.session(job) as session:
        running = asyncio.create_task(run(session, step("sleep 60", BUSYBOX)))
        while not engine.containers(filters={"label": f"{names.JOB}={job.id}"}):
            await asyncio.sleep(0.05)
        await executor.end(job.id)
        end, _ = await running
        await executor.end(job.id)  # nothing runs any more
    assert end.code == 137
