"""A killed server's step goes on; the next server picks it up, and never runs it twice."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.core.model import Exit
from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import LINES, MemoryLog, only, run, step

pytestmark = pytest.mark.docker

#: Lines of every awkward kind: longer than the engine's messages, without an end, not UTF-8.
ODD = r"""
echo x >> marker
echo began
printf '\377\376\0binary\r\n\n'
for size in 16383 16384 16385 32768 40000; do head -c $size /dev/zero | tr '\0' z; echo; done
while ! test -e go-on; do sleep 0.05; done
seq 1 20000
printf 'no end'
exit 9
"""
ODD_OUTPUT = (
    b"began\n\xff\xfe\0binary\r\n\n"
    + b"".join(b"z" * size + b"\n" for size in (16383, 16384, 16385, 32768, 40000))
    + LINES
    + b"no end"
)


async def killed_server(script: str, job: JobSpec, instance: str, run_dir: Path) -> None:
    """Starts the step in a server process and kills that with SIGKILL."""
    facts = {
        "instance": instance,
        "run_dir": str(run_dir),
        "workspace": str(job.workspace.path),
        "job": job.id,
        "run": script,
        "image": BUSYBOX,
    }
    command = (sys.executable, "-m", "tests.executors.docker.server", json.dumps(facts))
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    assert await server.stdout.readline() == b"began\n"
    server.kill()
    await server.wait()


def marks(job: JobSpec) -> str:
    return (job.workspace.path / "marker").read_text()


async def test_a_running_step_is_adopted(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    log = MemoryLog()
    async with executor.session(job) as session:
        adopted = asyncio.create_task(session.run(step(ODD, BUSYBOX), log))
        await log.shows(b"began\n")
        (job.workspace.path / "go-on").touch()
        assert await adopted == Exit(9)
    assert bytes(log.content) == ODD_OUTPUT
    assert marks(job) == "x\n"


async def test_the_first_server_sees_the_same_bytes(executor: DockerExecutor, job: JobSpec) -> None:
    (job.workspace.path / "go-on").touch()
    async with executor.session(job) as session:
        assert await run(session, step(ODD, BUSYBOX)) == (Exit(9), ODD_OUTPUT)


async def test_a_step_that_ended_meanwhile_is_adopted(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path, engine: APIClient
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    (job.workspace.path / "go-on").touch()
    await asyncio.to_thread(engine.wait, names.container_name(job, step(ODD, BUSYBOX)))
    async with executor.session(job) as session:
        assert await run(session, step(ODD, BUSYBOX)) == (Exit(9), ODD_OUTPUT)
    assert marks(job) == "x\n"


async def test_an_adopted_step_can_be_stopped(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    log = MemoryLog()
    async with executor.session(job) as session:
        adopted = asyncio.create_task(session.run(step(ODD, BUSYBOX), log))
        await log.shows(b"began\n")
        await session.stop()
        assert (await adopted).message == "stopped"


async def test_a_step_that_was_made_but_never_started_runs(
    executor: DockerExecutor, job: JobSpec
) -> None:
    spec = step("echo x >> marker", BUSYBOX)
    with pytest.raises(ZeroDivisionError):
        async with executor.session(job) as session:
            await session.prepare(spec)
            raise ZeroDivisionError
    async with executor.session(job) as session:
        assert await run(session, spec) == (Exit(0), b"")
    assert marks(job) == "x\n"


async def test_a_vanished_step_does_not_run_again(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path, engine: APIClient
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    engine.remove_container(names.container_name(job, step(ODD, BUSYBOX)), force=True)
    async with executor.session(job) as session:
        with pytest.raises(EngineError, match="the step's container has vanished"):
            await run(session, step(ODD, BUSYBOX))
        (job.workspace.path / "go-on").touch()
        end, _ = await run(session, step(ODD, BUSYBOX, generation=2))
    assert end == Exit(9)
    assert marks(job) == "x\nx\n"


async def test_a_container_that_vanishes_under_its_step(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    log, spec = MemoryLog(), step("echo began; sleep 600", BUSYBOX)
    async with executor.session(job) as session:
        running = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        engine.remove_container(names.container_name(job, spec), force=True)
        with pytest.raises(EngineError, match="the step's container has vanished"):
            await running


async def test_an_outdated_generation_is_reaped_from_a_living_job(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    async with executor.session(job) as session:
        await session.prepare(step("true", BUSYBOX, generation=2))
        await session.prepare(step("true", BUSYBOX, generation=1))
        assert await executor.reap(only(job.id)) == 1
        left = engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"})
    assert [each["Labels"][names.GENERATION] for each in left] == ["2"]


async def test_reaping_takes_the_dead_and_spares_other_servers(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path, engine: APIClient
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    other = DockerExecutor(instance=f"{instance}-other", run_dir=tmp_path / "other")
    assert await other.reap(only()) == 0
    assert engine.inspect_container(names.container_name(job, step(ODD, BUSYBOX)))["State"]["Running"]
    assert await executor.reap(only()) == 2  # the container and the control directory
    assert engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"}) == []
    assert await executor.reap(only()) == 0
    await other.close()
