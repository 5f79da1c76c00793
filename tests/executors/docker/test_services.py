"""Services of a job: ready before the first step, reached by name, followed, named when they die, removed."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError, StepRefused
from ci_bot.core.planned import Service
from ci_bot.executors.docker import names, reaper
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import MemoryLog, run, step
from tests.executors.docker.conftest import LIMITS

pytestmark = pytest.mark.docker

WEB = "ci-bot/test-web:1"


@pytest.fixture(scope="module")
def web(images: None, engine: APIClient) -> str:
    """An image whose own program serves a page after a moment, and says so."""
    script = "echo starting; sleep 1; mkdir /www; echo hello >/www/index.html; echo up; exec httpd -f -h /www"
    made = engine.create_container(BUSYBOX)["Id"]
    change = [f'CMD ["/bin/sh", "-c", "{script}"]']
    engine.commit(made, "ci-bot/test-web", "1", changes=change)
    engine.remove_container(made)
    return WEB


def with_services(job: JobSpec, *services: Service) -> JobSpec:
    return replace(job, job=replace(job.job, services=services))


class Logs:
    def __init__(self) -> None:
        self.of: dict[int, MemoryLog] = {}

    def open(self, place: int) -> MemoryLog:
        self.of[place] = MemoryLog()
        return self.of[place]


async def test_a_service_is_ready_before_the_first_step_and_reached_by_its_name(
    executor: DockerExecutor, job: JobSpec, web: str, engine: APIClient
) -> None:
    ready = "wget -q -O - http://127.0.0.1/ | grep -q hello"
    asked, logs = with_services(job, Service("web", web, ready=ready), Service("other", web)), Logs()
    async with executor.session(asked) as session:
        await session.serve(logs.open)
        end, output = await run(session, step("wget -q -O - http://web/", BUSYBOX))
        assert (end.code, output) == (0, b"hello\n")
        assert await session.ended_services() == ()
        host = engine.inspect_container(names.service_name(asked, "web"))
        assert host["HostConfig"]["CapDrop"] == ["ALL"]
        assert host["HostConfig"]["Memory"] == LIMITS.memory
    assert bytes(logs.of[0].content) == b"starting\nup\n"
    assert engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"}) == []
    assert engine.networks(names=[names.job_network(asked)]) == []


@pytest.mark.parametrize(
    ("service", "told"),
    [
        (Service("db", WEB, ready="echo not yet; false", timeout=2), r'service "db" was not ready within 2s: "echo not yet; false" did not exit with 0 \(not yet\)'),
        (Service("db", BUSYBOX, ready="true"), r'service "db" ended with exit code 0 before it was ready'),
        (Service("db", "no.such.registry.invalid/x:1"), r"could not be pulled"),
    ],
)  # fmt: skip
async def test_a_service_that_does_not_get_ready_is_named(
    executor: DockerExecutor, job: JobSpec, web: str, service: Service, told: str
) -> None:
    async with executor.session(with_services(job, service)) as session:
        with pytest.raises(Exception, match=told) as caught:
            await session.serve(Logs().open)
    assert isinstance(caught.value, StepRefused) or "pulled" in str(caught.value)


async def test_what_is_not_the_services_own_doing_is_an_infrastructure_failure(
    executor: DockerExecutor, job: JobSpec, web: str, engine: APIClient
) -> None:
    asked = with_services(job, Service("db", WEB, ready="false", timeout=60))
    async with executor.session(asked) as session:
        serving = asyncio.create_task(session.serve(Logs().open))
        while not engine.containers(filters={"name": names.service_name(asked, "db")}):
            await asyncio.sleep(0.05)
        engine.remove_container(names.service_name(asked, "db"), force=True)
        with pytest.raises(EngineError, match=r'service "db" was removed by somebody before it was'):
            await serving


async def test_a_service_that_dies_is_named(
    executor: DockerExecutor, job: JobSpec, web: str, engine: APIClient
) -> None:
    asked = with_services(job, Service("web", web))
    async with executor.session(asked) as session:
        await session.serve(Logs().open)
        engine.kill(names.service_name(asked, "web"))
        while not (gone := await session.ended_services()):
            await asyncio.sleep(0.05)
    assert gone == ('service "web" ended with exit code 137',)


async def test_the_next_process_finds_the_services_again_with_their_whole_output(
    executor: DockerExecutor, job: JobSpec, web: str, engine: APIClient, instance: str, tmp_path: Path
) -> None:
    asked, logs = with_services(job, Service("web", web)), Logs()
    with pytest.raises(ZeroDivisionError):
        async with executor.session(asked) as session:
            await session.serve(Logs().open)
            raise ZeroDivisionError
    (first,) = engine.containers(filters={"label": f"{names.JOB}={job.id}"})
    async with executor.session(asked) as session:
        await session.serve(logs.open)
        (again,) = engine.containers(filters={"label": f"{names.JOB}={job.id}"})
        assert again["Id"] == first["Id"]
        await logs.of[0].shows(b"up\n")
    assert bytes(logs.of[0].content) == b"starting\nup\n"


async def test_a_service_that_runs_on_is_let_go_without_a_word(
    executor: DockerExecutor, job: JobSpec, web: str
) -> None:
    asked, logs, complaints = with_services(job, Service("web", web)), Logs(), list[str]()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: complaints.append(context["message"])
    )
    with pytest.raises(ZeroDivisionError):
        async with executor.session(asked) as session:
            await session.serve(logs.open)
            await logs.of[0].shows(b"up\n")
            raise ZeroDivisionError
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=10)
    del session, others  # what nobody has heard is told when nothing refers to it any more
    gc.collect()
    assert complaints == []


async def test_what_a_dead_job_left_is_reaped(
    executor: DockerExecutor, job: JobSpec, web: str, engine: APIClient
) -> None:
    asked = with_services(job, Service("web", web))
    with pytest.raises(ZeroDivisionError):
        async with executor.session(asked) as session:
            await session.serve(Logs().open)
            raise ZeroDivisionError

    async def nobody() -> list[str]:
        return []

    assert await reaper.reap(executor._host, nobody) >= 2
    assert engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"}) == []
    assert engine.networks(names=[names.job_network(asked)]) == []
