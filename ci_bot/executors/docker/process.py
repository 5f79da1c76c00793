"""The process of one step: a container and a LogWriter in, how it ended out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.core.model import Exit, Usage
from ci_bot.executors.docker import network, script, words
from ci_bot.executors.docker.containers import Container, remove
from ci_bot.executors.docker.control import control_of
from ci_bot.executors.docker.engine import Engine, EngineRefusal
from ci_bot.executors.docker.files import Files
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.output import Beginning
from ci_bot.executors.docker.streams import Attached, Logged, Stream, pump
from ci_bot.ports import JobSpec, LogWriter, StepSpec

T = TypeVar("T")

#: A container that lives this many seconds longer than its output stream: the stream broke.
_LATE = 2.0
_HEAD = 8 * 1024


@dataclass(slots=True)
class Output:
    """Hands a step's output on to its log, and remembers how it began and how much came.

    `beginning` where the step's shell writes a line of ours first.
    """

    log: LogWriter
    beginning: Beginning | None = None
    head: bytearray = field(default_factory=bytearray)
    size: int = 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._hand_on(chunk if self.beginning is None else self.beginning.feed(chunk))

    @property
    def is_lost(self) -> bool:
        """Not even the line of ours has come."""
        return self.beginning is not None and self.size == 0

    def end(self) -> None:
        """Nothing more will come."""
        if self.beginning is not None:
            self._hand_on(self.beginning.end())

    def _hand_on(self, own: bytes) -> None:
        if own:
            self.log.write(own)
            self.head += own[: _HEAD - len(self.head)]


async def launch(
    host: Host, job: JobSpec, spec: StepSpec, container: Container, files: Files
) -> Attached:
    """Starts what was only created; returns its output, from the first byte."""
    owner = await host.interiors.owner(container.id, container.image, needs_shell=not container.is_bare)
    await files.give(spec, container.id, container.image, owner)
    await network.ensure_for(host.engine, host.instance, job)
    by_input = (files.by_input or container.turn is not None) and not container.is_bare
    stream = await host.engine.call(lambda client: Attached(client, container.id, has_input=by_input))
    try:
        told_to_begin = await files.release(spec, container.image.entrypoint)
        await _start(host, job, spec, container)
        if by_input:
            await host.engine.call(lambda _: stream.say(told_to_begin))
    except BaseException:
        stream.abort()
        stream.close()
        raise
    return stream


async def follow_new(engine: Engine, container: Container, stream: Attached, output: Output) -> int:
    """Follows what was just launched to its end; returns its exit code."""
    await _follow(engine, stream, output)
    loop = asyncio.get_running_loop()
    ended = loop.time()
    code = await exit_code(engine, container)
    if loop.time() - ended > _LATE:
        await _read_rest(engine, container, output)
    return code


async def follow_old(engine: Engine, container: Container, output: Output) -> int:
    """Follows what another process launched, from its first byte to its end; returns its exit code.

    The engine's log, followed, may miss the last lines (seen on 20.10); read after the end it is whole.
    """
    if container.status != "exited":
        stream = await engine.call(lambda client: Logged(client, container.id, follow=True))
        await _follow(engine, stream, output)
    code = await exit_code(engine, container)
    await _read_rest(engine, container, output)
    return code


async def ending(
    host: Host,
    spec: StepSpec,
    container: Container,
    code: int,
    output: Output,
    usage: Usage | None = None,
    *,
    had_oom: bool | None = None,
    peak: int | None = None,
) -> Exit:
    """Puts an exit code in words. Raises `EngineError` where the machine is to blame.

    `had_oom` None: the engine knows whether a process was killed for want of memory. `peak` is the most
    memory that the container ever had, in bytes; None where that is what the step had, or not known.
    """
    if code == 0:
        return Exit(0, usage=usage)
    line = script.no_workdir_line(spec)
    if code == script.NO_WORKDIR_CODE and output.head == f"{line}\n".encode("utf-8", "replace"):
        return Exit(code, message=line.removeprefix("ci-bot: "), usage=usage)
    if code == script.NOT_BEGUN_CODE and script.says_not_begun(bytes(output.head)):
        raise words.not_begun(container.name)
    found = await host.engine.call(lambda client: client.inspect_container(container.id))
    limit = found["HostConfig"]["Memory"]
    peak = usage.memory if usage and peak is None else peak
    if had_oom is None:
        had_oom = words.has_run_out(found["State"]["OOMKilled"], code, peak, limit)
    if had_oom and words.is_machine_at_fault(peak, limit):
        raise words.machine_out_of_memory(peak or 0, limit)
    return replace(words.exit_of(code, memory=limit if had_oom else None), usage=usage)


async def to_the_last_write(work: Coroutine[Any, Any, T], abort: Callable[[], None]) -> T:
    """The result of following a stream. When cancelled it aborts, and returns after the last write."""
    following = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(following)
    except asyncio.CancelledError:
        abort()
        await asyncio.wait({following})
        if not following.cancelled():
            following.exception()  # seen: what breaks now broke because we let go
        raise


async def is_running(engine: Engine, container: Container) -> bool:
    """Raises `EngineError` where it has vanished."""
    try:
        found = await engine.call(lambda client: client.inspect_container(container.id))
    except EngineRefusal as refusal:
        if refusal.is_missing:
            raise words.vanished(container.name) from refusal
        raise
    return bool(found["State"]["Running"])


async def exit_code(engine: Engine, container: Container) -> int:
    """Waits for the end."""

    def wait(client: APIClient) -> int:
        return int(client.wait(container.id, timeout=None)["StatusCode"])

    try:
        return await engine.in_own_thread(wait)
    except EngineRefusal as refusal:
        if refusal.is_missing:
            raise words.vanished(container.name) from refusal
        raise EngineError(f"the step's exit code cannot be had: {refusal}") from refusal


async def _start(host: Host, job: JobSpec, spec: StepSpec, container: Container) -> None:
    try:
        async with host.starts:
            await host.engine.call(lambda client: client.start(container.id))
    except EngineRefusal as refusal:
        await remove(host.engine, [container.id])
        await asyncio.to_thread(control_of(host.run_dir, job, spec).take_back)
        raise words.start_failure(container.image.name, refusal.text) from refusal


async def _follow(engine: Engine, stream: Stream, output: Output) -> None:
    work = engine.in_own_thread(lambda _: pump(stream, output, output.size))
    await to_the_last_write(work, stream.abort)


async def _read_rest(engine: Engine, container: Container, output: Output) -> None:
    stream = await engine.call(lambda client: Logged(client, container.id, follow=False))
    await _follow(engine, stream, output)
