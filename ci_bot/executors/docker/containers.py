"""The containers of one job, up to the moment before they start: StepSpec in, Container out."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from docker import APIClient

from ci_bot.core.errors import StepRefused
from ci_bot.executors.docker import control, convert, names, script, words
from ci_bot.executors.docker.control import Turn, control_of, home_of
from ci_bot.executors.docker.copied import CopiedFiles
from ci_bot.executors.docker.engine import Engine, EngineRefusal
from ci_bot.executors.docker.files import BoundFiles, Files
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.images import Image, image_of
from ci_bot.executors.docker.reading import has_begun
from ci_bot.ports import JobSpec, StepSpec


@dataclass(frozen=True, slots=True)
class Container:
    """A step's container. `status` is the engine's word: created, running, exited, …"""

    id: str
    name: str
    image: Image
    status: str
    code: int = 0  # its exit code, once it has exited
    is_bare: bool = False  # runs the image's own entry point, with no shell of ours around it
    turn: Turn | None = None  # the step's, where the container is shared with others
    is_told: bool = False  # the step may have begun


class Containers:
    """One container per step and generation, made once, whoever asks how often.

    In a job whose steps share one, a step goes into the container of the step before it as long as that
    runs and is of the same image. Else that is removed, with all processes in it, before another is made.
    """

    def __init__(self, host: Host, job: JobSpec) -> None:
        self._host = host
        self._job = job
        self._images: dict[str, Image] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._creating: set[asyncio.Task[str]] = set()

    def files(self) -> Files:
        """How the job's files get to the containers that were made for it."""
        copied = CopiedFiles(self._host, self._job)
        return copied if copied.is_begun else BoundFiles(self._host, self._job)

    async def has_begun(self, spec: StepSpec) -> bool:
        """Whether the container was started and had its environment, whatever became of it."""
        proof = control_of(self._host.run_dir, self._job, spec)
        if not proof.is_released:
            return False
        found = await self._find(self._name(spec, proof.turn), spec)
        if found is None:
            return True
        if found.status == "created" or await self._was_left_alone(found):
            return False
        if proof.turn is None or not self.files().by_input:
            return True
        return await has_begun(self._host.engine, found.id, proof.turn)

    async def ready(self, spec: StepSpec) -> Container:
        """The container of this generation, made unless it is there.

        Raises `StepRefused` for an image that cannot be used, and `EngineError` also when the container
        was started once and is gone: what it did must not be done twice.
        """
        name = names.container_name(self._job, spec)
        async with self._turns[name]:
            proof = control_of(self._host.run_dir, self._job, spec)
            turn = proof.turn
            at = self._name(spec, turn) if proof.is_released else name
            found = await self._find(at, spec)
            if found is not None and await self._was_left_alone(found):
                await remove(self._host.engine, [found.id])
                await asyncio.to_thread(proof.take_back)
                found = None
            if found is not None:
                return replace(found, turn=turn, is_told=proof.is_released)
            if proof.is_released:
                raise words.vanished(at)
            if self._job.job.shares_container and (shared := await self._joined(spec)):
                return shared
            return await self._make(name, spec)

    async def bring_image(self, spec: StepSpec) -> None:
        """All that can be done early for a step that may go into a container that is there."""
        await self._image(spec.step.image)

    async def remove_earlier(self, spec: StepSpec) -> None:
        """Removes those of the steps before: their ends are stored, or this one would not run."""
        await remove(self._host.engine, await self._listed(lambda step, _: step < spec.index))

    async def remove_all(self) -> None:
        """Also of what is just being created for somebody who does not wait for it any more."""
        await asyncio.gather(*self._creating, return_exceptions=True)
        await remove(self._host.engine, await self._listed(lambda _step, _generation: True))

    async def end_shared(self) -> None:
        """When no step will run any more: what steps left running must not change files meanwhile."""
        if self._job.job.shares_container:
            every = await self._listed(lambda _step, _generation: True)
            await asyncio.gather(*(kill(self._host.engine, each) for each in every))

    async def newest(self) -> str | None:
        """The id of the container of the last step that has one, running or not."""
        found = await listed(self._host.engine, self._host.instance, f"{names.JOB}={self._job.id}")
        steps = [each for each in found if names.STEP in each["Labels"]]
        last = max(steps, key=lambda each: int(each["Labels"][names.STEP]), default=None)
        return None if last is None else str(last["Id"])

    def _name(self, spec: StepSpec, turn: Turn | None) -> str:
        """Of the container that the step is in, or would be."""
        if turn is None:
            return names.container_name(self._job, spec)
        return names.home_name(self._job, turn.home)

    async def _joined(self, spec: StepSpec) -> Container | None:
        """The container of the step before, where this one may share it; else that is gone.

        Whatever runs in it still must have ended before the workspace is given to another image's user.
        """
        image = await self._image(spec.step.image)
        last = await asyncio.to_thread(control.last_released, self._host.run_dir, self._job.id)
        turn = last.turn if last else None
        found = await self._find(self._name(spec, turn), spec) if turn else None
        if turn is None or found is None or found.status != "running" or found.image.id != image.id:
            await remove(self._host.engine, await self._listed(lambda step, _: step <= spec.index))
            return None
        proof = control_of(self._host.run_dir, self._job, spec)
        await asyncio.to_thread(proof.take, turn.following)
        return replace(found, image=image, turn=turn.following)

    async def _find(self, name: str, spec: StepSpec) -> Container | None:
        try:
            found = await self._host.engine.call(lambda client: client.inspect_container(name))
        except EngineRefusal as refusal:
            if refusal.is_missing:
                return None
            raise
        if found["State"]["Status"] in ("removing", "dead"):
            raise words.vanished(name)
        config, state = found["Config"], found["State"]
        image = await self._image_of(found["Image"], spec)
        is_bare = not script.is_ours(config.get("Cmd"))
        return Container(found["Id"], name, image, state["Status"], state["ExitCode"], is_bare)

    async def _image_of(self, id: str, spec: StepSpec) -> Image:
        """The image of a container that is there, whatever its tag names by now."""
        found = await self._host.engine.call(lambda client: client.inspect_image(id))  # type: ignore[no-untyped-call]
        return image_of(spec.step.image, id, found.get("Config") or {})

    async def _was_left_alone(self, container: Container) -> bool:
        """Whether a process that started it died before it said what to do: nothing of the step has run."""
        if container.status != "exited" or container.code != script.NOT_BEGUN_CODE:
            return False
        return script.says_not_begun(
            await self._host.engine.call(lambda client: client.logs(container.id, tail=2))
        )

    async def _make(self, name: str, spec: StepSpec) -> Container:
        image = await self._image(spec.step.image)
        if spec.generation > 1:
            await self._remove_other_generations(spec)
        files = await self._chosen(image)
        proof, turn = control_of(self._host.run_dir, self._job, spec), None
        await asyncio.to_thread(proof.leave_turn)
        await files.make(spec)
        if self._job.job.shares_container:
            turn = Turn(home_of(spec), 1, secrets.token_hex(16))
            await asyncio.to_thread(proof.take, turn)
        config = convert.step_container(
            self._host.instance,
            self._job,
            spec,
            image.id,
            files.mounts(spec),
            self._host.limits.of(self._job.job.resources),
            self._host.runtimes.of(is_outsiders=self._job.is_outsiders),
            by_input=files.by_input,
            is_shared=turn is not None,
        )
        made = await self._create(name, config)
        if spec.step.args is not None and not await self._host.interiors.has_shell(made, image):
            await remove(self._host.engine, [made])
            await asyncio.to_thread(proof.leave_turn)
            return await self._make_bare(name, spec, image, config)
        await self._check_inside(made, image)
        return Container(made, name, image, "created", turn=turn)

    async def _make_bare(
        self, name: str, spec: StepSpec, image: Image, config: dict[str, Any]
    ) -> Container:
        """An image without a shell: its environment is in its description, so no secret may be."""
        if spec.step.secrets:
            raise words.no_shell_for_secrets(image.name)
        bare = convert.bare(config, spec, script.argv(spec, image.entrypoint))
        return Container(await self._create(name, bare), name, image, "created", is_bare=True)

    async def _create(self, name: str, config: dict[str, Any]) -> str:
        """Its id. When the caller is cancelled the engine creates it all the same; `remove_all` waits."""

        def create(client: APIClient) -> str:
            return str(client.create_container_from_config(config, name)["Id"])  # type: ignore[no-untyped-call]

        creating = asyncio.ensure_future(self._host.engine.call(create))
        self._creating.add(creating)
        creating.add_done_callback(self._created)
        return await asyncio.shield(creating)

    def _created(self, creating: asyncio.Task[str]) -> None:
        self._creating.discard(creating)
        if not creating.cancelled():
            creating.exception()  # seen: perhaps nobody waits for it any more

    async def _chosen(self, image: Image) -> Files:
        """A job keeps to its way over restarts: its workspace is where its first step had it."""
        files = self.files()
        if files.by_input or control.has_steps(self._host.run_dir, self._job.id):
            return files
        is_clear = await self._host.sight.is_clear(image.id)
        return files if is_clear else CopiedFiles(self._host, self._job)

    async def _image(self, name: str) -> Image:
        """Once per job: a tag that moves meanwhile does not change what the job runs in."""
        if name not in self._images:
            self._images[name] = await self._host.images.bring(self._job.place, name)
        return self._images[name]

    async def _check_inside(self, container: str, image: Image) -> None:
        try:
            await self._host.interiors.owner(container, image)
        except StepRefused:
            await remove(self._host.engine, [container])
            raise

    async def _remove_other_generations(self, spec: StepSpec) -> None:
        others = await self._listed(
            lambda step, generation: step == spec.index and generation != spec.generation
        )
        await remove(self._host.engine, others)

    async def _listed(self, is_meant: Callable[[int, int], bool]) -> list[str]:
        """Ids of the job's containers whose step and generation are meant."""
        found = await listed(self._host.engine, self._host.instance, f"{names.JOB}={self._job.id}")
        return [
            each["Id"]
            for each in found
            if names.STEP in each["Labels"]
            and is_meant(int(each["Labels"][names.STEP]), int(each["Labels"][names.GENERATION]))
        ]


async def listed(engine: Engine, instance: str, *labels: str) -> list[dict[str, Any]]:
    """This server's containers, whatever their state, with these labels ("name=value") too."""
    wanted = [f"{names.INSTANCE}={instance}", *labels]
    found: list[dict[str, Any]] = await engine.call(
        lambda client: client.containers(all=True, filters={"label": wanted})
    )
    return found


async def kill(engine: Engine, container: str) -> None:
    """Its processes have ended when this returns; one that has ended already is fine."""
    try:
        await engine.call(lambda client: client.kill(container))
    except EngineRefusal as refusal:
        if not (refusal.is_missing or refusal.is_conflict):
            raise


async def remove(engine: Engine, containers: list[str]) -> None:
    """With their anonymous volumes, running or not; one that is gone already is fine."""
    await asyncio.gather(*(_remove(engine, each) for each in containers))


async def _remove(engine: Engine, container: str) -> None:
    try:
        await engine.call(lambda client: client.remove_container(container, force=True, v=True))
    except EngineRefusal as refusal:
        if not (refusal.is_missing or refusal.is_conflict):  # conflict: its removal is under way
            raise
