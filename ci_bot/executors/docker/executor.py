"""The Docker executor: JobSpec in, a session on the engine out; what is left of other jobs removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from ci_bot.core.errors import EngineError
from ci_bot.executors.docker import names, network, reaper, words
from ci_bot.executors.docker.containers import kill, listed
from ci_bot.executors.docker.engine import Engine
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.images import Images, NoRegistries, Registries
from ci_bot.executors.docker.interiors import Interiors
from ci_bot.executors.docker.job_engine import JobEngine
from ci_bot.executors.docker.limits import Limits, Runtimes
from ci_bot.executors.docker.session import DockerSession
from ci_bot.executors.docker.sight import Sight
from ci_bot.ports import Alive, JobSpec

CLOSE_SECONDS = 3.0  # a frozen engine must not hold up the end of the server

_log = structlog.get_logger(__name__)


class DockerExecutor:
    """Implements `ci_bot.ports.Executor` on a Docker engine, 20.10 or later.

    `instance` is this server's lasting name: everything on the engine carries it, and nothing that
    carries another is touched. `run_dir` is a directory of this executor alone, best on tmpfs, since
    steps' environments pass through it. It and `folders`, where workspaces and git objects are, are
    bound into containers if the engine sees them at the same absolute paths, and copied if not.
    `engine_of` says for a repository ("github:owner/name") what engine its jobs may have for themselves.
    `base_url` None means what `DOCKER_HOST` says. Call `close` at the end.
    """

    def __init__(
        self,
        *,
        instance: str,
        run_dir: Path,
        folders: Sequence[Path] = (),
        limits: Limits | None = None,
        registries: Registries | None = None,
        runtimes: Runtimes | None = None,
        engine_of: Callable[[str], JobEngine | None] = lambda _: None,
        base_url: str | None = None,
    ) -> None:
        if not names.is_safe(instance):
            raise ValueError(
                f'instance "{instance}" is not a name of letters, digits, ".", "_" and "-"'
            )
        engine, limits = Engine(base_url), limits or Limits()
        run_dir = run_dir.absolute()
        self._host = Host(
            engine=engine,
            images=Images(engine, registries or NoRegistries(), limits.pulls),
            interiors=Interiors(engine),
            sight=Sight(engine, instance, (run_dir, *folders)),
            starts=asyncio.Semaphore(limits.starts),
            instance=instance,
            limits=limits,
            runtimes=runtimes or Runtimes(),
            engine_of=engine_of,
            run_dir=run_dir,
        )
        self._has_worked = False
        self._has_looked = False

    @asynccontextmanager
    async def session(self, spec: JobSpec) -> AsyncIterator[DockerSession]:
        session = DockerSession(self._host, spec)
        self._has_worked = True
        try:
            yield session
        except BaseException:
            session.let_go()
            raise
        await self._leave(session, spec)

    async def reap(self, alive: Alive) -> int:
        """The first time, which is the server's start, also finds out whether files must be copied."""
        self._has_worked = True  # an earlier process's network is ours to remove, too
        if not self._has_looked:
            await self.look()
            self._has_looked = True
            _log.info("engine found", engine=self._host.engine.where, files=self._host.sight.words)
        return await reaper.reap(self._host, alive)

    async def end(self, job_id: str) -> None:
        """Kills what runs of a job, whoever follows it. Raises `EngineError`."""
        found = await listed(self._host.engine, self._host.instance, f"{names.JOB}={job_id}")
        running = [each["Id"] for each in found if each["State"] == "running"]
        await asyncio.gather(*(kill(self._host.engine, each) for each in running))

    async def look(self, image: str = "") -> None:
        """Finds out whether the engine sees our files, if any image there can tell; this one first.

        Without it the first job's image tells. Raises `EngineError`.
        """
        await self._host.sight.look(image)

    async def check(self) -> str:
        info = await self._info()
        version = str(info["ServerVersion"]).partition("+")[0]
        memory = words.size(info["MemTotal"])
        where, sight = self._host.engine.where, self._host.sight.words
        return f"Docker {version} at {where}, {info['Driver']}, {info['NCPU']} CPUs, {memory}; {sight}"

    async def check_limits(self) -> None:
        """Raises `EngineError` where the engine does not hold a step to what its container may use."""
        if unenforced := words.unenforced(await self._info()):
            raise EngineError(unenforced)

    async def _info(self) -> dict[str, Any]:
        """https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemInfo"""
        info: dict[str, Any] = await self._host.engine.call(lambda client: client.info())
        return info

    async def close(self) -> None:
        """Lets go of the engine. What belongs to a job stays on it; an idle network goes. Safe twice."""
        worked, self._has_worked = self._has_worked, False
        if worked:
            with suppress(EngineError, TimeoutError):  # a network that stays is found again
                async with asyncio.timeout(CLOSE_SECONDS):
                    await network.remove_if_idle(self._host.engine, self._host.instance)
        self._host.images.close()
        await self._host.engine.close()

    async def _leave(self, session: DockerSession, spec: JobSpec) -> None:
        """What cannot be removed now is the reaper's."""
        try:
            await _to_the_end(session.remove, self._host.limits.cleanup)
        except (EngineError, TimeoutError) as error:
            _log.warning("a job left something on the engine", job=spec.id, error=str(error))


async def _to_the_end(work: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
    """Does the work whoever cancels meanwhile, for so many seconds at most; then passes that on."""
    working = asyncio.ensure_future(asyncio.wait_for(work(), seconds))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise
