"""When the engine does not answer: in words, and without a library's exception."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ci_bot.core.errors import EngineGone
from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import LINES, MemoryLog, only, run, step

#: docker 7.2 leaves a socket that it could not connect to the garbage collector.
UNCLOSED = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"

pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings(UNCLOSED)]

ENGINE = "/var/run/docker.sock"


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """So that no later test is told of these sockets."""
    yield
    gc.collect()


class Proxy:
    """A socket in front of the engine's, which can break."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, self.path)
        try:
            yield
        finally:
            server.close()
            self.path.unlink(missing_ok=True)
            self.cut()

    def cut(self) -> None:
        """Breaks every connection; new ones are served."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(ENGINE)
        self._writers |= {writer, engine_writer}
        await asyncio.gather(_copy(reader, engine_writer), _copy(engine_reader, writer))
        self._writers -= {writer, engine_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


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


async def test_leaving_without_an_engine_raises_nothing(
    proxy: Proxy, proxied: DockerExecutor, executor: DockerExecutor, job: JobSpec
) -> None:
    async with proxied.session(job) as session, proxy.serving():
        assert await run(session, step("true", BUSYBOX)) == (Exit(0), b"")
    assert await executor.reap(only()) == 2
