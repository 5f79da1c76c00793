"""Steps that share a container: one made for many, told one after the other, over kills of the server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.core.model import Exit, ExitReason
from ci_bot.core.planned import Resources, Step
from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, StepSpec
from dev.recipes import BUSYBOX, GIT, GIT_1000, NO_SHELL
from tests.contract.executor import MemoryLog, only, run, sharing, step
from tests.executors.docker.sharing import KILLS, killed_server, runs_once
from tests.executors.docker.test_adoption import ODD, ODD_OUTPUT

pytestmark = pytest.mark.docker


def containers(engine: APIClient, job: JobSpec) -> list[str]:
    """Names and states, oldest first."""
    found = engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"})
    short = [(each["Names"][0].removeprefix(f"/ci-bot-{job.id}-"), each["State"]) for each in found]
    return [f"{name} {state}" for name, state in reversed(short)]


async def test_one_container_for_consecutive_steps_of_one_image(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    async with executor.session(sharing(job)) as session:
        for index in range(3):
            await session.prepare(step("true", BUSYBOX, index=index))
            assert await run(session, step(f"echo {index}", BUSYBOX, index=index)) == (
                Exit(0),
                b"%d\n" % index,
            )
            assert containers(engine, job) == ["0-g1 running"]
        await run(session, step("(sleep 600; touch late) & touch /tmp/file", BUSYBOX, index=3))
        assert await executor.reap(only(job.id)) == 0
        await run(session, step("true", GIT, index=5))
        assert containers(engine, job) == ["5-g1 running"]
        after = step("test ! -e /tmp/file; ps | grep -c '[s]leep'", BUSYBOX, index=6)
        assert await run(session, after) == (Exit(1), b"0\n")
    assert containers(engine, job) == []


async def test_arguments_and_shells_go_together(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    def spec(index: int, run: str = "", args: tuple[str, ...] | None = None, by: str = "") -> StepSpec:
        return StepSpec(index, 1, Step("a step", run, BUSYBOX, args=args, shell=by), {})

    async with executor.session(sharing(job)) as session:
        assert (await run(session, step("echo kept > /tmp/file", BUSYBOX)))[0] == Exit(0)
        assert await run(session, spec(1, args=("cat", "/tmp/file"))) == (Exit(0), b"kept\n")
        awk = spec(2, 'BEGIN { print "awk" }', by="awk -f")
        assert await run(session, awk) == (Exit(0), b"awk\n")
        end, _ = await run(session, spec(3, "true", by="bash"))
        assert end == Exit(127, message="a command was not found")
        assert containers(engine, job) == ["0-g1 running"]


async def test_an_image_without_a_shell_has_a_container_for_each_step(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    def spec(index: int) -> StepSpec:
        plain = step("", NO_SHELL, index=index)
        return replace(plain, step=replace(plain.step, args=("echo", str(index))))

    async with executor.session(sharing(job)) as session:
        for index in range(2):
            assert await run(session, spec(index)) == (Exit(0), b"%d\n" % index)
        assert await run(session, step("echo 2", BUSYBOX, index=2)) == (Exit(0), b"2\n")
        assert containers(engine, job) == ["2-g1 running"]


async def test_the_workspace_changes_hands_when_nobody_is_left(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    leave = "(while sleep 0.05; do touch by-root; done) & chown 5 /workspace"
    async with executor.session(sharing(job)) as session:
        assert (await run(session, step(leave, BUSYBOX)))[0] == Exit(0)
        script = "stat -c %u /workspace; touch on"
        assert await run(session, step(script, BUSYBOX, index=1)) == (Exit(0), b"5\n")
        script = "id -u; touch on; rm by-root; sleep 0.3; test ! -e by-root"
        for index in (2, 3):
            end, output = await run(session, step(f"touch by-root; {script}", GIT_1000, index=index))
            assert (end, output) == (Exit(0), b"1000\n")
        assert containers(engine, job) == ["2-g1 running"]


async def test_running_out_of_memory_is_the_step_that_did(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    small = replace(sharing(job), job=replace(sharing(job).job, resources=Resources(memory=32 << 20)))
    eat = "tail /dev/zero"
    async with executor.session(small) as session:
        quiet, _ = await run(session, step(f"{eat} || true", BUSYBOX))
        assert quiet == Exit(0)
        assert (await run(session, step("exit 3", BUSYBOX, index=1)))[0] == Exit(3)
        assert (await run(session, step(eat, BUSYBOX, index=2)))[0] == Exit(
            137, ExitReason.OUT_OF_MEMORY, "out of memory (limit 32 MiB)"
        )
        assert (await run(session, step(f"{eat} || exit 2", BUSYBOX, index=3)))[0] == Exit(
            2, message="a process ran out of memory (limit 32 MiB)"
        )
        assert containers(engine, job) == ["0-g1 running"]


async def test_the_peak_is_told_of_the_step_that_raised_it(
    executor: DockerExecutor, job: JobSpec
) -> None:
    big = "head -c 30000000 /dev/zero | tail -c 30000000 | wc -c"
    async with executor.session(sharing(job)) as session:
        raised, _ = await run(session, step(big, BUSYBOX))
        idle, _ = await run(session, step("true", BUSYBOX, index=1))
    assert raised.usage
    assert idle.usage
    if raised.usage.memory is not None:
        assert raised.usage.memory >= 30_000_000
    assert idle.usage.memory is None
    assert raised.usage.cpu is not None
    assert idle.usage.cpu is not None
    assert idle.usage.cpu < raised.usage.cpu


async def test_a_container_that_was_killed_between_two_steps_is_replaced(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    async with executor.session(sharing(job)) as session:
        await run(session, step("touch /tmp/file", BUSYBOX))
        engine.kill(f"ci-bot-{job.id}-0-g1")
        after = step("test ! -e /tmp/file; echo new", BUSYBOX, index=1)
        assert await run(session, after) == (Exit(0), b"new\n")
        engine.kill(f"ci-bot-{job.id}-1-g1")
        killing = step("echo on; kill -9 $PPID; sleep 600", BUSYBOX, index=2)
        end, output = await run(session, killing)
        assert (end.code, end.message, output) == (137, "killed (SIGKILL), not by ci-bot", b"on\n")


async def test_a_shared_container_that_vanishes_under_its_step(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    log = MemoryLog()
    async with executor.session(sharing(job)) as session:
        await run(session, step("true", BUSYBOX))
        running = asyncio.create_task(session.run(step("echo began; sleep 600", BUSYBOX, index=1), log))
        await log.shows(b"began\n")
        engine.remove_container(f"ci-bot-{job.id}-0-g1", force=True)
        with pytest.raises(EngineError, match="the step's container has vanished"):
            await running
        with pytest.raises(EngineError, match="the step's container has vanished"):
            await run(session, step("echo began; sleep 600", BUSYBOX, index=1))


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────


async def test_a_running_step_is_adopted_and_the_next_goes_on_in_its_container(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path, engine: APIClient
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    log = MemoryLog()
    async with executor.session(sharing(job)) as session:
        assert await executor.reap(only(job.id)) == 0
        adopted = asyncio.create_task(session.run(step(ODD, BUSYBOX, index=1), log))
        await log.shows(b"began\n")
        (job.workspace.path / "go-on").touch()
        assert await adopted == Exit(9)
        assert bytes(log.content) == ODD_OUTPUT
        assert await run(session, step("cat /tmp/file", BUSYBOX, index=2)) == (Exit(0), b"kept\n")
        assert containers(engine, job) == ["0-g1 running"]
    assert (job.workspace.path / "marker").read_text() == "x\n"


async def test_a_step_that_ended_meanwhile_is_adopted_with_its_own_exit_code(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path, engine: APIClient
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    (job.workspace.path / "go-on").touch()
    name = f"ci-bot-{job.id}-0-g1"
    while b":2:9:" not in engine.logs(name):  # the gate has said that the second turn ended
        await asyncio.sleep(0.05)
    async with executor.session(sharing(job)) as session:
        assert await run(session, step(ODD, BUSYBOX, index=1)) == (Exit(9), ODD_OUTPUT)
    assert (job.workspace.path / "marker").read_text() == "x\n"


async def test_an_adopted_step_is_stopped_with_its_container(
    executor: DockerExecutor, job: JobSpec, instance: str, tmp_path: Path
) -> None:
    await killed_server(ODD, job, instance, tmp_path / "run")
    log = MemoryLog()
    async with executor.session(sharing(job)) as session:
        adopted = asyncio.create_task(session.run(step(ODD, BUSYBOX, index=1), log))
        await log.shows(b"began\n")
        await session.stop()
        assert (await adopted).message == "stopped"
        after = step("test ! -e /tmp/file; echo new", BUSYBOX, index=2)
        assert await run(session, after) == (Exit(0), b"new\n")


@pytest.mark.parametrize("told", KILLS)
async def test_wherever_the_server_is_killed_the_step_runs_once_with_its_secrets(
    executor: DockerExecutor, job: JobSpec, told: float
) -> None:
    await runs_once(executor, job, told)
