"""The services of one job: containers beside its steps, on a network of the job's own, reached by name.

The network is the job's own and not an anchor's namespace, so that two services may listen on the same
port, as two versions of one database do; jobs without services pay nothing for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ci_bot.core.errors import EngineError, EngineGone, StepRefused
from ci_bot.core.planned import ENGINE_NAME, Service
from ci_bot.executors.docker import convert, job_engine, names, network, words
from ci_bot.executors.docker.containers import remove
from ci_bot.executors.docker.engine import EngineRefusal
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.images import Image
from ci_bot.executors.docker.job_engine import JobEngine
from ci_bot.executors.docker.process import to_the_last_write
from ci_bot.executors.docker.streams import Logged, pump
from ci_bot.ports import JobSpec, LogWriter

LogOf = Callable[[int], LogWriter]

_LOOK: Final = 0.2  # seconds between looks at a service that is not ready
_DRAIN: Final = 5.0  # for the last of a removed service's output to be written


@dataclass(frozen=True, slots=True)
class _Up:
    """A service that was started, by whatever process."""

    service: Service
    container: str


class Services:
    """Starts the services of a job, or finds them again, and follows what they write."""

    def __init__(self, host: Host, job: JobSpec) -> None:
        self._host = host
        self._job = job
        self._up: list[_Up] = []
        self._following: list[asyncio.Task[None]] = []

    async def serve(self, log_of: LogOf) -> None:
        """Returns when every service is ready.

        Raises `StepRefused` for one that cannot be started as written, ends, or does not get ready in its
        time, and `EngineError` for one that the engine or a registry keeps away, or that somebody removed.
        """
        services = self._planned()
        if not services or self._up:
            return
        await network.ensure_for(self._host.engine, self._host.instance, self._job)
        self._up = list(await asyncio.gather(*(self._begin(each) for each in services)))
        for place, up in enumerate(self._up):
            self._following.append(asyncio.create_task(self._follow(up, log_of(place))))
        await asyncio.gather(*(self._until_ready(up) for up in self._up))

    async def ended(self) -> tuple[str, ...]:
        """Those that have ended by themselves by now, in words."""
        looked = [(up.service, await self._state(up)) for up in self._up]
        return tuple(_end(service, state) for service, state in looked if not state["Running"])

    def addresses(self) -> dict[str, str]:
        """The variables by which steps find the job's own engine; none where it has none."""
        allowed = self._host.engine_of(self._job.place) if self._job.job.engine else None
        return job_engine.addresses(allowed) if allowed else {}

    def let_go(self) -> None:
        for task in self._following:
            task.cancel()

    async def remove(self) -> None:
        """The containers, and what they wrote is written by then; the network goes with the last step."""
        await remove(
            self._host.engine, [names.service_name(self._job, each) for each in self._job.job.company]
        )
        if self._following:
            await asyncio.wait(self._following, timeout=_DRAIN)
        self.let_go()

    def _planned(self) -> tuple[Service, ...]:
        """As `company` has them. Raises `StepRefused` for an engine that the operator does not allow."""
        job = self._job.job
        return (*job.services, job_engine.service(self._engine())) if job.engine else job.services

    def _engine(self) -> JobEngine:
        allowed = self._host.engine_of(self._job.place)
        if allowed is None:
            raise words.no_engine_allowed(self._job.repo)
        if self._job.is_outsiders:
            raise words.no_engine_for_outsiders()
        return allowed

    async def _begin(self, service: Service) -> _Up:
        """One that is there already was begun by an earlier process."""
        name = names.service_name(self._job, service.name)
        found = await self._find(name)
        if found is None:
            image = await self._image(service)
            config = self._config(service, image.id)
            made = await self._host.engine.call(
                lambda client: client.create_container_from_config(config, name)  # type: ignore[no-untyped-call]
            )
            found = made["Id"], "created"
        container, status = found
        if status == "created":
            await self._start(service, container)
        return _Up(service, container)

    async def _image(self, service: Service) -> Image:
        """What keeps it away says for which service, and whose matter it is."""
        try:
            return await self._host.images.bring(self._job.place, service.image)
        except EngineGone:
            raise
        except (StepRefused, EngineError) as error:
            told = f'service "{service.name}": {error}'
            raise (StepRefused if isinstance(error, StepRefused) else EngineError)(told) from error

    def _config(self, service: Service, image_id: str) -> dict[str, Any]:
        instance, job = self._host.instance, self._job
        limits = self._host.limits.of(job.job.resources)
        if job.job.engine and service.name == ENGINE_NAME:
            return job_engine.container(instance, job, self._engine(), image_id, limits)
        runtime = self._host.runtimes.of(is_outsiders=job.is_outsiders)
        return convert.service_container(instance, job, service, image_id, limits, runtime)

    async def _start(self, service: Service, container: str) -> None:
        try:
            async with self._host.starts:
                await self._host.engine.call(lambda client: client.start(container))
        except EngineRefusal as refusal:
            await remove(self._host.engine, [container])
            failure = words.start_failure(service.image, refusal.text)
            told = f'service "{service.name}": {failure}'
            raise (StepRefused if isinstance(failure, StepRefused) else EngineError)(told) from refusal

    async def _find(self, name: str) -> tuple[str, str] | None:
        try:
            found = await self._host.engine.call(lambda client: client.inspect_container(name))
        except EngineRefusal as refusal:
            if refusal.is_missing:
                return None
            raise
        return found["Id"], found["State"]["Status"]

    async def _until_ready(self, up: _Up) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + up.service.timeout
        while True:
            state = await self._state(up)
            if not state["Running"]:
                told = f"{_end(up.service, state)} before it was ready{_said(state)}"
                raise (EngineError if state.get("ExitCode") is None else StepRefused)(told)
            if not up.service.ready or state.get("Health", {}).get("Status") == "healthy":
                return
            if loop.time() > until:
                raise StepRefused(
                    f'service "{up.service.name}" was not ready within {up.service.timeout}s: '
                    f'"{up.service.ready}" did not exit with 0{_said(state)}'
                )
            await asyncio.sleep(_LOOK)

    async def _state(self, up: _Up) -> dict[str, Any]:
        try:
            found = await self._host.engine.call(lambda client: client.inspect_container(up.container))
        except EngineRefusal as refusal:
            if refusal.is_missing:
                return {"Running": False, "ExitCode": None}
            raise
        state: dict[str, Any] = found["State"]
        return state

    async def _follow(self, up: _Up, log: LogWriter) -> None:
        """From its first byte to its end, whoever started it: the log drops what it has already."""
        try:
            stream = await self._host.engine.call(
                lambda client: Logged(client, up.container, follow=True)
            )
            pumping = self._host.engine.in_own_thread(lambda _: pump(stream, log, 0))
            await to_the_last_write(pumping, stream.abort)
        except EngineError:
            pass  # what it wrote so far is there; the job itself will say what became of the engine
        finally:
            await asyncio.to_thread(log.close)


def _end(service: Service, state: dict[str, Any]) -> str:
    code = state.get("ExitCode")
    if code is None:
        return f'service "{service.name}" was removed by somebody'
    if state.get("OOMKilled"):
        return f'service "{service.name}" ran out of memory'
    return f'service "{service.name}" ended with exit code {code}'


def _said(state: dict[str, Any]) -> str:
    """The last words of the command that asks whether it is ready."""
    probes = state.get("Health", {}).get("Log") or []
    said = words.one_line(probes[-1].get("Output", "")) if probes else ""
    return f" ({said})" if said else ""
