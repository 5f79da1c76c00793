"""What a step may not do, what nobody may see, and what it is told when it asks too much."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError, StepRefused
from ci_bot.core.model import Exit, ExitReason
from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX, GIT_1000, NO_SHELL
from tests.contract.executor import MemoryLog, run, step
from tests.executors.docker.conftest import LIMITS

pytestmark = pytest.mark.docker

SECRET = "hunter2-of-the-test"


async def running_container(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> dict[str, Any]:
    """What the engine tells of a step that runs with a secret."""
    log = MemoryLog()
    async with executor.session(job) as session:
        spec = step(
            f'echo began; test "$TOKEN" = {SECRET[:7]}-of-the-test; sleep 600',
            BUSYBOX,
            env={"TOKEN": SECRET},
        )
        running = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        found: dict[str, Any] = engine.inspect_container(names.container_name(job, spec))
        await session.stop()
        assert (await running).reason is ExitReason.STOPPED
    return found


async def test_the_engine_confines_a_step(
    executor: DockerExecutor, job: JobSpec, engine: APIClient, instance: str
) -> None:
    found = await running_container(executor, job, engine)
    host = found["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert len(host["CapAdd"]) == 7
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["MemorySwap"]) == (LIMITS.memory, LIMITS.memory)
    assert (host["NanoCpus"], host["PidsLimit"]) == (1_500_000_000, LIMITS.pids)
    assert (host["Init"], host["Privileged"]) == (True, False)
    assert host["NetworkMode"] == f"ci-bot-{instance}"
    assert {mount["Destination"]: mount["RW"] for mount in found["Mounts"]} == {
        "/workspace": True,
        "/ci-bot/control": False,
    }


async def test_a_secret_is_in_nothing_that_the_engine_tells(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    assert SECRET not in json.dumps(await running_container(executor, job, engine))


async def test_a_secret_leaves_the_disk_with_its_step(
    executor: DockerExecutor, job: JobSpec, tmp_path: Path
) -> None:
    async with executor.session(job) as session:
        end, _ = await run(session, step('test -n "$TOKEN"', BUSYBOX, env={"TOKEN": SECRET}))
        kept = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
        assert end == Exit(0)
        assert [path.name for path in kept] == ["released"]
    assert list((tmp_path / "run").iterdir()) == []


async def test_no_privilege_is_to_be_had(executor: DockerExecutor, job: JobSpec) -> None:
    script = "grep -E 'NoNewPrivs|CapEff' /proc/self/status; ! mount -t tmpfs x /mnt 2>/dev/null"
    async with executor.session(job) as session:
        end, output = await run(session, step(script, BUSYBOX))
    assert end == Exit(0)
    assert output == b"CapEff:\t00000000000000fb\nNoNewPrivs:\t1\n"


async def test_the_network_keeps_steps_apart(
    executor: DockerExecutor, job: JobSpec, engine: APIClient, instance: str
) -> None:
    async with executor.session(job) as session:
        await run(session, step("true", BUSYBOX))
    network = engine.inspect_network(f"ci-bot-{instance}")
    assert network["Options"]["com.docker.network.bridge.enable_icc"] == "false"
    assert network["Options"]["com.docker.network.bridge.name"] == names.bridge_name(instance)


async def test_out_of_memory(executor: DockerExecutor, job: JobSpec) -> None:
    async with executor.session(job) as session:
        end, _ = await run(session, step("tail /dev/zero", BUSYBOX))
    assert end == Exit(137, ExitReason.OUT_OF_MEMORY, "out of memory (limit 64 MiB)")


async def test_too_many_processes(executor: DockerExecutor, job: JobSpec) -> None:
    script = "for n in $(seq 1 200); do sleep 20 & done; echo all"
    async with executor.session(job) as session:
        end, output = await run(session, step(script, BUSYBOX))
    assert end.code != 0
    assert b"fork" in output
    assert not output.endswith(b"all\n")


async def test_no_shell(executor: DockerExecutor, job: JobSpec, engine: APIClient) -> None:
    async with executor.session(job) as session:
        with pytest.raises(StepRefused) as refused:
            await session.prepare(step("true", NO_SHELL))
        left = engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"})
    assert str(refused.value) == f'image "{NO_SHELL}" has no /bin/sh; use an image with a shell'
    assert left == []


async def test_a_killed_step_says_so(executor: DockerExecutor, job: JobSpec) -> None:
    async with executor.session(job) as session:
        end, _ = await run(session, step("kill -KILL $$", GIT_1000))
    assert end == Exit(137, message="killed (SIGKILL), not by ci-bot")


async def test_earlier_steps_containers_go_while_the_next_one_runs(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    async with executor.session(job) as session:
        for index in range(3):
            await run(session, step("sleep 0.3", BUSYBOX, index=index))
        left = engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"})
        assert [each["Labels"][names.STEP] for each in left] == ["2"]


async def test_a_container_that_is_created_for_nobody_any_more_goes_with_the_job(
    executor: DockerExecutor, job: JobSpec, engine: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step's, when this one fails while the engine is at it: asked for, and not waited for."""
    asked, may_go_on, created = threading.Event(), threading.Event(), threading.Event()
    create = APIClient.create_container_from_config

    def slowly(self: APIClient, *arguments: Any) -> Any:
        asked.set()
        assert may_go_on.wait(20)
        made = create(self, *arguments)
        created.set()
        return made

    async with executor.session(job) as session:
        await run(session, step("true", BUSYBOX))
        monkeypatch.setattr(APIClient, "create_container_from_config", slowly)
        preparing = asyncio.create_task(session.prepare(step("true", BUSYBOX, index=1)))
        assert await asyncio.to_thread(asked.wait, 20)
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)
        asyncio.get_running_loop().call_later(0.5, may_go_on.set)
    assert await asyncio.to_thread(created.wait, 20)
    assert engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"}) == []


async def test_a_removed_network_comes_back(
    own_executor: DockerExecutor, job: JobSpec, engine: APIClient, own_instance: str
) -> None:
    async with own_executor.session(job) as session:
        assert (await run(session, step("true", BUSYBOX)))[0] == Exit(0)
        engine.remove_network(f"ci-bot-{own_instance}")
        assert (await run(session, step("true", BUSYBOX, index=1)))[0] == Exit(0)


async def test_a_network_that_goes_before_the_start_comes_back(
    own_executor: DockerExecutor, job: JobSpec, engine: APIClient, own_instance: str
) -> None:
    spec = step("echo on", BUSYBOX, index=1)
    async with own_executor.session(job) as session:
        await run(session, step("true", BUSYBOX))
        await session.prepare(spec)
        engine.remove_network(f"ci-bot-{own_instance}")
        assert await run(session, spec) == (Exit(0), b"on\n")


async def test_closing_leaves_no_idle_network(
    own_executor: DockerExecutor, job: JobSpec, engine: APIClient, own_instance: str, tmp_path: Path
) -> None:
    second = DockerExecutor(instance=own_instance, run_dir=tmp_path / "run")
    networks = partial(engine.networks, filters={"label": [f"{names.INSTANCE}={own_instance}"]})
    log = MemoryLog()
    async with own_executor.session(job) as session:
        running = asyncio.create_task(session.run(step("echo began; sleep 600", BUSYBOX), log))
        await log.shows(b"began\n")
        async with second.session(replace(job, id="idle")):
            pass
        await second.close()
        assert len(networks()) == 1
        await session.stop()
        await running
    await own_executor.close()
    assert networks() == []


async def test_a_container_that_does_not_start_is_infrastructure(
    executor: DockerExecutor, job: JobSpec, tmp_path: Path
) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    spec = step("echo x >> marker", BUSYBOX)
    borrowing = replace(job, workspace=replace(job.workspace, objects=objects))
    async with executor.session(borrowing) as session:
        await session.prepare(spec)
        objects.rmdir()
        with pytest.raises(EngineError, match="the engine could not start the step's container"):
            await run(session, spec)
        objects.mkdir()
        assert await run(session, spec) == (Exit(0), b"")
    assert (job.workspace.path / "marker").read_text() == "x\n"


async def test_check(executor: DockerExecutor) -> None:
    line = await executor.check()
    assert line.startswith("Docker 2")
    assert " at unix:///" in line
    assert "CPUs, " in line
    await executor.check_limits()
