"""One job on one engine: steps in, their ends out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from ci_bot.core.errors import EngineError
from ci_bot.core.globs import Globs
from ci_bot.core.model import Exit, ExitReason
from ci_bot.executors.docker import names, network, process, script, words
from ci_bot.executors.docker.containers import Container, Containers, kill
from ci_bot.executors.docker.control import Turn, remove_job
from ci_bot.executors.docker.disks import blamed
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.output import Beginning
from ci_bot.executors.docker.process import Output
from ci_bot.executors.docker.services import LogOf, Services
from ci_bot.executors.docker.turns import SharedContainer
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
        self._shared: SharedContainer | None = None
        self._reading: asyncio.Task[None] | None = None
        self._chores: set[asyncio.Task[None]] = set()

    async def prepare(self, spec: StepSpec) -> None:
        spec = self._told(spec)
        if self._job.job.shares_container:  # whether it needs a container is known when its turn comes
            await self._containers.bring_image(spec)
            return
        await self._containers.ready(spec)

    async def run(self, spec: StepSpec, log: LogWriter) -> Exit:
        self._stopping.clear()
        self._is_running = True
        try:
            return await self._run(self._told(spec), log)
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
        await self._containers.end_shared()
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
            await kill(self._host.engine, self._killable.id)

    def let_go(self) -> None:
        """Leaves everything as it is, for the next process."""
        for chore in self._chores:
            chore.cancel()
        self._services.let_go()
        self._let_go_of_shared()

    async def remove(self) -> None:
        """Removes everything of the job. Raises `EngineError`."""
        await asyncio.gather(*self._chores)
        self._let_go_of_shared()
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

    def _told(self, spec: StepSpec) -> StepSpec:
        """With where its job's own engine is."""
        return replace(spec, env={**spec.env, **self._services.addresses()})

    async def _run(self, spec: StepSpec, log: LogWriter) -> Exit:
        container = await self._container(spec)
        if container is None:
            return words.STOPPED_EARLY
        self._last = (spec, container)
        output = self._output(spec, container, log)
        if container.turn is None:
            end = await self._run_alone(spec, container, output)
        else:
            end = await self._take_turn(spec, container, container.turn, output)
        if end.code == 0 or end.reason is not ExitReason.EXITED:
            return end
        written_to = self._containers.files().written_to
        return await blamed(self._host.engine, written_to, container.id, end)

    async def _run_alone(self, spec: StepSpec, container: Container, output: Output) -> Exit:
        files = self._containers.files()
        if container.status == "created":
            await files.make(spec)
        with files.hearing(spec) as ear:
            code = await self._code(spec, container, output)
            usage = ear.heard()
        output.end()
        has_our_line = container.status == "created"  # what an earlier version began has none
        if output.is_lost and has_our_line and code != words.KILLED:
            output.log.note(words.OUTPUT_LOST)
        await files.wipe(spec)
        if self._stopping.is_set() and code == words.KILLED:
            return words.STOPPED
        return await process.ending(self._host, spec, container, code, output, usage)

    def _output(self, spec: StepSpec, container: Container, log: LogWriter) -> Output:
        """A shared container has marks of its own, and around an image's own entry point there is no shell."""
        if container.turn is not None or container.is_bare:
            return Output(log)
        files = self._containers.files()
        return Output(log, Beginning(script.BEGUN_LINE, partial(files.hear, spec)))

    async def _container(self, spec: StepSpec) -> Container | None:
        """None where `stop` came first. What has begun is there, and must be seen to end even then."""
        if await self._containers.has_begun(spec):
            return await self._containers.ready(spec)
        return await _unless(self._stopping, self._containers.ready(spec))

    async def _take_turn(
        self, spec: StepSpec, container: Container, turn: Turn, output: Output
    ) -> Exit:
        """A step in a container that steps share; `stop` ends all that is in there."""
        files, shared = self._containers.files(), self._share(container)
        if container.status == "created":
            await files.make(spec)
        seconds = READ_SECONDS if container.is_told else None
        self._reading = asyncio.create_task(files.until_read(spec, seconds))
        await shared.begin(spec, container, turn, files)
        await self._expose(container)
        ended = await shared.follow(turn, output)
        await files.wipe(spec)
        if not ended.is_whole:
            output.log.note(words.BEGINNING_LOST)
        if self._stopping.is_set() and ended.code == words.KILLED:
            return words.STOPPED
        return await process.ending(
            self._host,
            spec,
            container,
            ended.code,
            output,
            ended.usage,
            had_oom=ended.had_oom,
            peak=ended.peak,
        )

    def _share(self, container: Container) -> SharedContainer:
        if self._shared is None or self._shared.container.id != container.id:
            self._let_go_of_shared()
            self._shared = SharedContainer(self._host, self._job, container)
        return self._shared

    def _let_go_of_shared(self) -> None:
        if self._shared is not None:
            self._shared.let_go()
        self._shared = None

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
            await kill(self._host.engine, container.id)

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
