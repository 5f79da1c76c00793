"""How the files of one job get into its containers: bound where the engine sees them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ci_bot.core.errors import EngineError
from ci_bot.core.globs import Globs
from ci_bot.executors.docker import convert, gate, gathering, ownership
from ci_bot.executors.docker.control import Control, control_of, until_read
from ci_bot.executors.docker.convert import Mount
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.images import Image
from ci_bot.executors.docker.script import BEGIN_INSIDE
from ci_bot.executors.docker.usage import Hearing, hearing
from ci_bot.executors.docker.users import Owner
from ci_bot.ports import FileSink, JobSpec, StepSpec


class Files(Protocol):
    """The workspace, and for each step its scripts and environment.

    The order for a step: `make`, then its container is made with `mounts` (and an open standard input
    if `by_input`), `give` just before it starts, `release` in the last moment, `until_read` while it
    begins, `wipe` when it is over. A step that comes into a container that is there begins with `give`.
    `take_back` when no step will run any more, `remove` after that. All raise `EngineError`.
    """

    @property
    def by_input(self) -> bool: ...

    @property
    def written_to(self) -> Path | None:
        """The workspace as this machine has it while steps write to it; None where it does not."""
        ...

    async def make(self, spec: StepSpec) -> None: ...

    def mounts(self, spec: StepSpec) -> list[Mount]: ...

    async def give(self, spec: StepSpec, container: str, image: Image, owner: Owner) -> None:
        """The step's user owns the workspace from now on."""
        ...

    async def release(self, spec: StepSpec, entrypoint: Sequence[str]) -> bytes:
        """Durable when it returns; gives what is to be said to the container's standard input."""
        ...

    async def telling(self, spec: StepSpec, entrypoint: Sequence[str]) -> bytes:
        """What a gate is to be told of a step that is released, by whatever process."""
        ...

    async def until_read(self, spec: StepSpec, seconds: float | None) -> None: ...

    def hear(self, spec: StepSpec) -> None:
        """Something of the step's output has come: its shell need not wait at its end. Raises nothing."""
        ...

    def hearing(self, spec: StepSpec) -> AbstractContextManager[Hearing]:
        """Open while the step runs, for what its shell says at the end that it used."""
        ...

    async def wipe(self, spec: StepSpec) -> None: ...

    async def take_back(self, spec: StepSpec, image: Image) -> None: ...

    async def fetch(self, globs: Globs, sink: FileSink, container: str | None) -> None:
        """What is in the workspace, before its first step or, by a `container` that has it, after."""
        ...

    async def remove(self) -> None: ...


_TURN = f". {BEGIN_INSIDE}\n".encode()


@dataclass(frozen=True, slots=True)
class BoundFiles:
    """The server's own directories, mounted."""

    host: Host
    job: JobSpec
    by_input: bool = False

    @property
    def written_to(self) -> Path | None:
        return self.job.workspace.path

    async def make(self, spec: StepSpec) -> None:
        await asyncio.to_thread(self._control(spec).make)

    def mounts(self, spec: StepSpec) -> list[Mount]:
        return convert.bound(self.job.workspace, self._control(spec).mount)

    async def give(self, spec: StepSpec, container: str, image: Image, owner: Owner) -> None:
        turn = self._control(spec).turn
        if turn is not None and turn.number > 1:
            return  # it was given to the same user, and nothing changes hands under living processes
        if ownership.current(self.job.workspace.path) != owner:
            await self._hand_over(spec, image, owner)

    async def release(self, spec: StepSpec, entrypoint: Sequence[str]) -> bytes:
        await asyncio.to_thread(self._control(spec).release, spec, entrypoint)
        return await self.telling(spec, entrypoint)

    async def telling(self, spec: StepSpec, entrypoint: Sequence[str]) -> bytes:
        turn = self._control(spec).turn
        return gate.telling(turn.nonce, turn.number, _TURN) if turn else b""

    async def until_read(self, spec: StepSpec, seconds: float | None) -> None:
        await until_read(self._control(spec), seconds)

    def hear(self, spec: StepSpec) -> None:
        with suppress(EngineError):  # on a full disk the shell waits its 2 s
            self._control(spec).hear()

    def hearing(self, spec: StepSpec) -> AbstractContextManager[Hearing]:
        return hearing(self._control(spec).usage)

    async def wipe(self, spec: StepSpec) -> None:
        await asyncio.to_thread(self._control(spec).wipe)

    async def take_back(self, spec: StepSpec, image: Image) -> None:
        """A server that is not root could not remove what belongs to an image's user."""
        own = Owner(os.geteuid(), os.getegid())
        if own.uid != 0 and ownership.current(self.job.workspace.path) != own:
            await self._hand_over(spec, image, own)

    async def fetch(self, globs: Globs, sink: FileSink, container: str | None) -> None:
        await asyncio.to_thread(gathering.of_folder, self.job.workspace.path, globs, sink)

    async def remove(self) -> None:
        """The workspace is removed by whoever made it."""

    async def _hand_over(self, spec: StepSpec, image: Image, owner: Owner) -> None:
        workspace = self.job.workspace
        if os.geteuid() == 0:
            await ownership.give(workspace.path, owner)
            return
        config = convert.owner_container(
            self.host.instance,
            self.job,
            spec,
            image.id,
            str(owner),
            convert.workspace_bound(workspace),
            self.host.limits,
        )
        await ownership.give_by_container(self.host.engine, config, owner)

    def _control(self, spec: StepSpec) -> Control:
        return control_of(self.host.run_dir, self.job, spec)
