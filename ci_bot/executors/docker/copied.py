"""The files of one job where the engine does not see the server's: copied into volumes of the job's own.

The environment, secrets with it, goes by the attached standard input to the step's shell, and so is in
no volume, no layer and no file at all.

::

    run_dir/<job id>/copied       this job's way; from here on every process keeps to it
                     owner        whose the workspace is by now; written when it is whole
                     <step>-g<generation>/released
"""

from __future__ import annotations

import asyncio
import re
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from docker import APIClient
from docker.errors import NotFound
from requests.exceptions import RequestException

from ci_bot.core.errors import EngineError
from ci_bot.core.globs import Globs
from ci_bot.executors.docker import (
    archives,
    convert,
    gate,
    gathering,
    names,
    ownership,
    script,
    volumes,
)
from ci_bot.executors.docker.control import Control, control_of, told, write
from ci_bot.executors.docker.convert import Mount
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.images import Image
from ci_bot.executors.docker.usage import Hearing, hearing
from ci_bot.executors.docker.users import Owner
from ci_bot.ports import OBJECTS_INSIDE, WORKSPACE_INSIDE, FileSink, JobSpec, StepSpec

_TRIES = 3


@dataclass(frozen=True, slots=True)
class CopiedFiles:
    """A `files.Files` for any engine that can be reached."""

    host: Host
    job: JobSpec
    by_input: bool = True
    written_to: Path | None = None  # the engine's disk is not ours to look at

    @property
    def is_begun(self) -> bool:
        return (self._home / "copied").exists()

    async def make(self, spec: StepSpec) -> None:
        await asyncio.to_thread(self._begin, spec)
        for name in self._names():
            await volumes.ensure(self.host.engine, convert.volume(self.host.instance, self.job, name))

    def mounts(self, spec: StepSpec) -> list[Mount]:
        return convert.copied(self.job)

    async def give(self, spec: StepSpec, container: str, image: Image, owner: Owner) -> None:
        """The step's own scripts as well: the container may have been made by a process that died then."""
        owned = await asyncio.to_thread(self._owner)
        if owned is None:
            await self._fill(spec, image, owner)
        elif owned != owner:
            await self._change_hands(spec, image, owner)
        turn = self._control(spec).turn
        texts = [("script", script.script(spec))]
        if turn is None:
            texts.append(("begin", script.listen()))
        elif turn.number == 1:
            texts.append(("gate", gate.program(turn.nonce)))
        await self._put(container, archives.of_texts(script.CONTROL_INSIDE[1:], texts))

    async def release(self, spec: StepSpec, entrypoint: Sequence[str]) -> bytes:
        told_to_begin = await self.telling(spec, entrypoint)
        await asyncio.to_thread(self._control(spec).mark_released)
        return told_to_begin

    async def telling(self, spec: StepSpec, entrypoint: Sequence[str]) -> bytes:
        turn = self._control(spec).turn
        begin = script.begin(spec, entrypoint, has_fifos=False, is_turn=turn is not None)
        return gate.telling(turn.nonce, turn.number, begin) if turn else script.dictated(begin)

    async def until_read(self, spec: StepSpec, seconds: float | None) -> None:
        """Nothing lies about."""

    def hear(self, spec: StepSpec) -> None:
        """Its shell became the step, and waits for nobody."""

    def hearing(self, spec: StepSpec) -> AbstractContextManager[Hearing]:
        """Nothing can be heard: there is no directory that both sides see."""
        return hearing(None)

    async def wipe(self, spec: StepSpec) -> None:
        """Nothing to wipe."""

    async def take_back(self, spec: StepSpec, image: Image) -> None:
        """What the steps made stays on the engine, and goes with its volumes."""

    async def fetch(self, globs: Globs, sink: FileSink, container: str | None) -> None:
        """Until the volume is filled, what will be in it is the server's own directory."""
        if await asyncio.to_thread(self._owner) is None:
            await asyncio.to_thread(gathering.of_folder, self.job.workspace.path, globs, sink)
            return
        if container is None:
            raise EngineError("no container has the job's workspace any more, so its files are lost")
        for root in globs.roots():
            await self.host.engine.in_own_thread(
                lambda client, root=root: _fetch(client, container, root, globs, sink)  # type: ignore[misc]
            )

    async def remove(self) -> None:
        await volumes.remove(self.host.engine, self._names())

    async def _fill(self, spec: StepSpec, image: Image, owner: Owner) -> None:
        """Again from the beginning if an earlier process died meanwhile: no step has seen it then."""
        config = convert.filling_container(
            self.host.instance, self.job, spec, image.id, convert.copied(self.job, filling=True)
        )
        engine, workspace = self.host.engine, self.job.workspace
        made = await engine.call(
            lambda client: client.create_container_from_config(config)["Id"]  # type: ignore[no-untyped-call]
        )
        try:
            await self._put(made, archives.of_workspace(workspace.path, WORKSPACE_INSIDE[1:], owner))
            if workspace.objects is not None:
                await self._put_objects(made, workspace.objects)
        finally:
            await engine.call(lambda client: client.remove_container(made, force=True, v=True))
        await self._record(owner)

    async def _put_objects(self, container: str, objects: Path) -> None:
        for _ in range(_TRIES):
            try:
                await self._put(container, archives.of_objects(objects, OBJECTS_INSIDE[1:]))
            except FileNotFoundError:  # git tidied up meanwhile
                continue
            return
        raise EngineError(f"{objects} changes all the time, so it could not be copied to the engine")

    async def _put(self, container: str, archive: bytes | Iterator[bytes]) -> None:
        try:
            await self.host.engine.in_own_thread(lambda client: _put(client, container, archive))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise EngineError(
                f"{error.filename} cannot be copied to the engine: {error.strerror}"
            ) from error

    async def _change_hands(self, spec: StepSpec, image: Image, owner: Owner) -> None:
        config = convert.owner_container(
            self.host.instance,
            self.job,
            spec,
            image.id,
            str(owner),
            convert.copied(self.job)[0],
            self.host.limits,
        )
        await ownership.give_by_container(self.host.engine, config, owner)
        await self._record(owner)

    async def _record(self, owner: Owner) -> None:
        with told(self._home):
            await asyncio.to_thread(write, self._home / "owner", f"{owner}\n".encode(), durable=True)

    def _owner(self) -> Owner | None:
        try:
            found = re.fullmatch(r"(\d+):(\d+)\n", (self._home / "owner").read_text())
        except FileNotFoundError:
            return None
        return Owner(int(found[1]), int(found[2])) if found else None

    def _begin(self, spec: StepSpec) -> None:
        """The way before the step: what has steps and no way was begun by binding."""
        with told(self._home):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):  # the next step is prepared while the first one begins
                if not self.is_begun:
                    write(self._home / "copied", b"", durable=True)
        self._control(spec).make_bare()

    def _names(self) -> list[str]:
        own = [names.workspace_volume(self.job)]
        return own if self.job.workspace.objects is None else [*own, names.objects_volume(self.job)]

    @property
    def _home(self) -> Path:
        return self.host.run_dir / self.job.id

    def _control(self, spec: StepSpec) -> Control:
        return control_of(self.host.run_dir, self.job, spec)


def _fetch(client: APIClient, container: str, root: str, globs: Globs, sink: FileSink) -> None:
    """Only the first name of a path is asked for: of a longer one the engine would follow links."""
    try:
        pieces, _ = client.get_archive(container, f"{WORKSPACE_INSIDE}/{root}".rstrip("/"))
    except NotFound:
        return
    base = "" if root else WORKSPACE_INSIDE[1:]
    try:
        gathering.of_archive(pieces, base, globs, sink)
    except tarfile.TarError as error:
        raise EngineError(f"the engine gave the workspace's files incompletely: {error}") from error


class _Reading:
    """Remembers what went wrong on our side: the client would take it for a broken connection."""

    def __init__(self, archive: Iterator[bytes]) -> None:
        self._archive = archive
        self.failure: OSError | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._archive
        except OSError as error:
            self.failure = error
            raise


def _put(client: APIClient, container: str, archive: bytes | Iterator[bytes]) -> None:
    if isinstance(archive, bytes):
        client.put_archive(container, "/", archive)
        return
    reading = _Reading(archive)
    try:
        client.put_archive(container, "/", reading)
    except RequestException:
        if reading.failure is not None:
            raise reading.failure from None
        raise
