"""When the engine does not answer: in words, and without a library's exception."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ci_bot.core.errors import EngineGone
from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import LINES, MemoryLog, only, run, sharing, step
from tests.engine_proxy import Proxy

#: docker 7.2 leaves a socket that it could not connect to the garbage collector.
UNCLOSED = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"

pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings(UNCLOSED)]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """So that no later test is told of these sockets."""
    yield
    gc.collect()


@pytest.fixture
async def proxy(tmp_path: Path) -> Proxy:
    return Proxy(tmp_path / "engine.sock")


@pytest.fixture
async def proxied(
    images: None, proxy: Proxy, instance: str, tmp_path: Path
) -> AsyncIterator[DockerExecutor]:
    made = DockerExecutor(instance=instance, run_dir=tmp_path / "run", base_url=f"unix://{proxy.path}")
    yield made
    await made.close()


async def test_no_engine_at_all(tmp_path: Path, job: JobSpec) -> None:
    executor = DockerExecutor(
        instance="nowhere", run_dir=tmp_path / "run", base_url="unix:///nowhere/docker.sock"
    )
    text = (
        "the Docker engine at unix:///nowhere/docker.sock does not answer (No such file or directory); "
        "check that it runs (systemctl status docker) and that ci-bot may use its socket"
    )
    for asked in (executor.check(), executor.reap(only())):
        with pytest.raises(EngineGone) as gone:
            await asked
        assert str(gone.value) == text
    async with executor.session(job) as session:
        with pytest.raises(EngineGone):
            await run(session, step("true", BUSYBOX))
    await executor.close()


async def test_an_engine_that_comes_late(proxy: Proxy, proxied: DockerExecutor) -> None:
    with pytest.raises(EngineGone):
        await proxied.check()
    async with proxy.serving():
        assert await proxied.check()


async def test_an_engine_that_goes_in_mid_step_and_comes_back(
    proxy: Proxy, proxied: DockerExecutor, job: JobSpec
) -> None:
    spec = step("echo x >> marker; echo began; sleep 2; seq 1 20000; exit 3", BUSYBOX)
    log = MemoryLog()
    with pytest.raises(EngineGone, match="does not answer"):
        async with proxied.session(job) as session:
            async with proxy.serving():
                running = asyncio.create_task(session.run(spec, log))
                await log.shows(b"began\n")
            await running
    async with proxy.serving(), proxied.session(job) as session:
        assert await run(session, spec) == (Exit(3), b"began\n" + LINES)
    assert (job.workspace.path / "marker").read_text() == "x\n"


async def test_a_broken_stream_does_not_cut_the_log(
    proxy: Proxy, proxied: DockerExecutor, job: JobSpec
) -> None:
    spec, log = step("echo began; sleep 4; seq 1 20000; exit 3", BUSYBOX), MemoryLog()
    async with proxy.serving(), proxied.session(job) as session:
        running = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        proxy.cut()
        assert await running == Exit(3)
    assert bytes(log.content) == b"began\n" + LINES


async def test_a_broken_stream_of_a_shared_container_in_mid_step_and_between_two(
    proxy: Proxy, proxied: DockerExecutor, job: JobSpec
) -> None:
    waiting = "echo began; while ! test -e go-on; do sleep 0.05; done; seq 1 20000; printf end"
    spec, log = step(waiting, BUSYBOX, index=1), MemoryLog()
    async with proxy.serving(), proxied.session(sharing(job)) as session:
        assert (await run(session, step("echo kept > /tmp/file", BUSYBOX)))[0] == Exit(0)
        running = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        proxy.cut()
        (job.workspace.path / "go-on").touch()
        assert await running == Exit(0)
        proxy.cut()
        assert await run(session, step("cat /tmp/file; exit 3", BUSYBOX, index=2)) == (
            Exit(3),
            b"kept\n",
        )
    assert bytes(log.content) == b"began\n" + LINES + b"end"


async def test_an_engine_that_goes_under_a_shared_container_and_comes_back(
    proxy: Proxy, proxied: DockerExecutor, job: JobSpec
) -> None:
    waiting = "echo x >> marker; echo began; while ! test -e go-on; do sleep 0.05; done; seq 1 20000"
    spec, log = step(waiting, BUSYBOX, index=1), MemoryLog()
    with pytest.raises(EngineGone, match="does not answer"):
        async with proxied.session(sharing(job)) as session:
            async with proxy.serving():
                await run(session, step("echo kept > /tmp/file", BUSYBOX))
                running = asyncio.create_task(session.run(spec, log))
                await log.shows(b"began\n")
            await running
    (job.workspace.path / "go-on").touch()
    async with proxy.serving(), proxied.session(sharing(job)) as session:
        assert await run(session, spec) == (Exit(0), b"began\n" + LINES)
        after = step("cat marker /tmp/file", BUSYBOX, index=2)
        assert await run(session, after) == (Exit(0), b"x\nkept\n")


async def test_leaving_without_an_engine_raises_nothing(
    proxy: Proxy, proxied: DockerExecutor, executor: DockerExecutor, job: JobSpec
) -> None:
    async with proxied.session(job) as session, proxy.serving():
        assert await run(session, step("true", BUSYBOX)) == (Exit(0), b"")
    assert await executor.reap(only()) == 2
