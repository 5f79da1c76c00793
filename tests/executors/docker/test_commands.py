"""What a step runs: its script in the shell it names, or the image's own entry point."""

from __future__ import annotations

from dataclasses import replace

import pytest
from docker import APIClient

from ci_bot.core.errors import StepRefused
from ci_bot.core.model import Exit, ExitReason
from ci_bot.core.planned import Resources, SecretRef, Step
from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, StepSpec
from dev.recipes import BASE, BUSYBOX, NO_SHELL
from tests.contract.executor import MemoryLog, run

pytestmark = pytest.mark.docker


def args(image: str, *words: str, **more: object) -> StepSpec:
    env = {"GREETING": "hello"}
    return StepSpec(0, 1, Step("s", "", image, args=words, **more), env)  # type: ignore[arg-type]


def shell(program: str, script: str, image: str = BASE) -> StepSpec:
    return StepSpec(0, 1, Step("s", script, image, shell=program), {})


async def test_bash_is_strict(executor: DockerExecutor, job: JobSpec) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, shell("bash", "a=(1 2); echo ${#a[@]}; false | true; echo no"))
    assert (end.code, output) == (1, b"2\n")


async def test_any_program_reads_the_script(executor: DockerExecutor, job: JobSpec) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, shell("awk -f", 'BEGIN { print "awk " 6 * 7 }', BUSYBOX))
    assert (end.code, output) == (0, b"awk 42\n")


async def test_a_shell_that_the_image_lacks(executor: DockerExecutor, job: JobSpec) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, shell("bash", "true", BUSYBOX))
    assert end == Exit(127, ExitReason.EXITED, "a command was not found")
    assert b"bash" in output


async def test_arguments_reach_the_entry_point_as_they_are(
    executor: DockerExecutor, job: JobSpec
) -> None:
    spec = args(BUSYBOX, "printf", "%s|", "two words", "$HOME", "it's")
    async with executor.session(job) as session:
        end, output = await run(session, spec)
    assert (end.code, output) == (0, b"two words|$HOME|it's|")


async def test_an_image_without_a_shell_runs_its_program(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    async with executor.session(job) as session:
        end, output = await run(session, args(NO_SHELL, "echo", "made by $GREETING"))
        name = names.container_name(job, args(NO_SHELL))
        host = engine.inspect_container(name)
        assert "GREETING=hello" in host["Config"]["Env"]
        assert host["HostConfig"]["CapDrop"] == ["ALL"]
    assert (end.code, output) == (0, b"made by $GREETING\n")


async def test_an_image_without_a_shell_is_given_no_secret(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    spec = replace(
        args(NO_SHELL, "echo", secrets=(SecretRef("TOKEN", "TOKEN"),)), secrets={"TOKEN": "hunter2"}
    )
    async with executor.session(job) as session:
        with pytest.raises(StepRefused, match=r"has no /bin/sh, so a secret could reach it only"):
            await session.run(spec, MemoryLog())
        left = engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"})
    assert left == []


async def test_nothing_to_run(executor: DockerExecutor, job: JobSpec) -> None:
    async with executor.session(job) as session:
        with pytest.raises(StepRefused, match="has no entry point, and the step has no arguments"):
            await session.run(args(NO_SHELL), MemoryLog())


async def test_a_job_gets_what_it_asked_for(
    executor: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    asked = replace(job, job=replace(job.job, resources=Resources(0.5, 32 << 20, 50)))
    spec = StepSpec(0, 1, Step("s", "tail /dev/zero", BUSYBOX), {})
    async with executor.session(asked) as session:
        end, _ = await run(session, spec)
        host = engine.inspect_container(names.container_name(asked, spec))["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["PidsLimit"]) == (500_000_000, 32 << 20, 50)
    assert end == Exit(137, ExitReason.OUT_OF_MEMORY, "out of memory (limit 32 MiB)")
