"""One job on one engine: steps in, their ends out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from ci_bot.core.errors import EngineError
from ci_bot.core.globs import Globs
from ci_bot.core.model import Exit, ExitReason
from ci_bot.executors.docker import names, network, process, words
from ci_bot.executors.docker.containers import Container, Containers
from ci_bot.executors.docker.control import remove_job
from ci_bot.executors.docker.disks import blamed
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.process import Output
from ci_bot.executors.docker.services import LogOf, Services
from ci_bot.ports import FileSink, JobSpec, LogWriter, StepSpec

T = TypeVar("T")

READ_SECONDS = 30.0  # a step that an earlier process started has read its environment by then

_log = structlog.get_logger(__name__)


class DockerSession:
    """Implements `ci_bot.ports.Session`. Made by `DockerExecutor.session`."""

    def __init__(self, host: Host, job: JobSpec) -> None:
        self._host = host
        self._job = job
        self._containers = Containers(host, job)
        self._services = Services(host, job)
        self._is_running = False
        self._stopping = asyncio.Event()
        self._killable: Container | None = None
        self._last: tuple[StepSpec, Container] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._chores: set[asyncio.Task[None]] = set()

    async def prepare(self, spec: StepSpec) -> None:
        await self._containers.ready(spec)

    async def run(self, spec: StepSpec, log: LogWriter) -> Exit:
        self._stopping.clear()
        self._is_running = True
        try:
            return await self._run(spec, log)
        finally:
            self._is_running = False
            self._killable = None
            await self._end_reading()

    async def has_begun(self, spec: StepSpec) -> bool:
        return await self._containers.has_begun(spec)

    async def serve(self, log_of: LogOf) -> None:
        await self._services.serve(log_of)

    async def ended_services(self) -> tuple[str, ...]:
        return await self._services.ended()

    async def fetch(self, globs: Globs, sink: FileSink) -> None:
        files = self._containers.files()
        if self._last is not None:
            spec, container = self._last
            await files.take_back(spec, container.image)
        await files.fetch(globs, sink, await self._containers.newest())

    async def stop(self) -> None:
        if not self._is_running:
            return
        self._stopping.set()
        if self._killable is not None:
            await process.kill(self._host.engine, self._killable)

    def let_go(self) -> None:
        """Leaves everything as it is, for the next process."""
        for chore in self._chores:
            chore.cancel()
        self._services.let_go()

    async def remove(self) -> None:
        """Removes everything of the job. Raises `EngineError`."""
        await asyncio.gather(*self._chores)
        await self._services.remove()
        await self._containers.remove_all()
        if self._job.job.company:
            await network.remove(self._host.engine, [names.job_network(self._job)])
        files = self._containers.files()
        if self._last is not None:
            spec, container = self._last
            await files.take_back(spec, container.image)
        await files.remove()
        await asyncio.to_thread(remove_job, self._host.run_dir, self._job.id)

    async def _run(self, spec: StepSpec, log: LogWriter) -> Exit:
        container = await _unless(self._stopping, self._containers.ready(spec))
        if container is None:
            return words.STOPPED_EARLY
        self._last = (spec, container)
        output = Output(log)
        files = self._containers.files()
        if container.status == "created":
            await files.make(spec)
        with files.hearing(spec) as ear:
            code = await self._code(spec, container, output)
            usage = ear.heard()
        await files.wipe(spec)
        if self._stopping.is_set() and code == words.KILLED:
            return words.STOPPED
        end = await process.ending(self._host, spec, container, code, output, usage)
        if end.code == 0 or end.reason is not ExitReason.EXITED:
            return end
        return await blamed(self._host.engine, files.written_to, container.id, end)

    async def _code(self, spec: StepSpec, container: Container, output: Output) -> int:
        engine, files = self._host.engine, self._containers.files()
        if container.status != "created":
            self._reading = asyncio.create_task(files.until_read(spec, READ_SECONDS))
            await self._expose(container)
            return await process.follow_old(engine, container, output)
        self._reading = asyncio.create_task(files.until_read(spec, None))
        stream = await process.launch(self._host, self._job, spec, container, files)
        await self._expose(container)
        self._later(self._containers.remove_earlier(spec))
        return await process.follow_new(engine, container, stream, output)

    async def _end_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _expose(self, container: Container) -> None:
        """From now on `stop` kills it; a `stop` that came before is done here."""
        self._killable = container
        if self._stopping.is_set():
            await process.kill(self._host.engine, container)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        chore = asyncio.create_task(_quietly(work))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)


async def _unless(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The work's result, or None as soon as the event comes; then the work is cancelled."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        waiting.cancel()


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except EngineError as error:  # leaving the session and the reaper try again
        _log.warning("containers of earlier steps were not removed", error=str(error))
