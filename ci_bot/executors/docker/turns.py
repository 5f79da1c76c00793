"""A container that steps share, as this process sees it: one step after the other in, their ends out."""

from __future__ import annotations

from contextlib import suppress

from docker import APIClient

from ci_bot.core.errors import EngineError, EngineGone
from ci_bot.executors.docker import gate, process, words
from ci_bot.executors.docker.containers import Container
from ci_bot.executors.docker.control import Turn
from ci_bot.executors.docker.engine import EngineRefusal
from ci_bot.executors.docker.files import Files
from ci_bot.executors.docker.host import Host
from ci_bot.executors.docker.process import Output
from ci_bot.executors.docker.reading import Ended, Reading, has_begun
from ci_bot.executors.docker.streams import Attached, Logged
from ci_bot.ports import JobSpec, StepSpec


class SharedContainer:
    """One stream brings its output from turn to turn; what another process began is read from its log."""

    def __init__(self, host: Host, job: JobSpec, container: Container) -> None:
        self._host = host
        self._engine = host.engine
        self._job = job
        self._reading: Reading | None = None
        self._input: Attached | None = None
        self._told = b""
        self.container = container

    async def begin(self, spec: StepSpec, container: Container, turn: Turn, files: Files) -> None:
        """Starts the container, or tells the one that waits.

        Who may have been told is told once more; but not who has begun, since nobody listens there now.
        """
        if container.status == "created":
            self._input = await process.launch(self._host, self._job, spec, container, files)
            self._reading = Reading(self._input, turn.nonce)
            self._told = await files.telling(spec, container.image.entrypoint)
            return
        if container.is_told:
            if files.by_input and await has_begun(self._engine, container.id, turn):
                return
            self._told = await files.telling(spec, container.image.entrypoint)
        else:
            owner = await self._host.interiors.owner(container.id, container.image)
            await files.give(spec, container.id, container.image, owner)
            self._told = await files.release(spec, container.image.entrypoint)
        await self._tell()

    async def follow(self, turn: Turn, output: Output) -> Ended:
        """The turn's end, all its output written. Raises `EngineError` where nothing of it has run.

        When cancelled it lets go at once, and returns only after the last write.
        """
        while True:
            reading = await self._reading_of(turn, follow=True)
            with suppress(
                EngineGone
            ):  # a connection of before; the next question shows if it is the engine
                if ended := await self._read(reading, turn, output):
                    return ended
            self._close_reading()
            if not await process.is_running(self._engine, self.container):
                return await self._end_of_container(turn, output)
            if reading.begun < turn.number:  # the connection broke, perhaps before all was said
                await self._tell()

    def let_go(self) -> None:
        """The container goes on."""
        self._close_reading()
        self._close_input()

    async def _end_of_container(self, turn: Turn, output: Output) -> Ended:
        """Its log is whole now. Without a mark the engine's own word counts, as for any other step."""
        code = await process.exit_code(self._engine, self.container)
        reading = await self._reading_of(turn, follow=False)
        ended = await self._read(reading, turn, output, is_all=True)
        self._close_reading()
        if ended is None and reading.begun < turn.number and code == gate.CLOSED_CODE:
            raise words.not_begun(self.container.name)
        return ended or Ended(code)

    async def _tell(self) -> None:
        """By another connection if this one is broken. One that has ended shows that when it is followed."""
        for _ in range(2):
            try:
                await self._engine.call(self._say)
            except EngineRefusal:
                return
            except EngineError:
                self._close_input()
            else:
                return

    def _say(self, client: APIClient) -> None:
        if self._input is None:
            self._input = Attached(client, self.container.id, has_input=True, has_output=False)
        self._input.say(self._told)

    async def _reading_of(self, turn: Turn, *, follow: bool) -> Reading:
        if self._reading is None or self._reading.is_past(turn):
            self._close_reading()
            log = await self._engine.call(
                lambda client: Logged(client, self.container.id, follow=follow)
            )
            self._reading = Reading(log, turn.nonce)
        return self._reading

    async def _read(
        self, reading: Reading, turn: Turn, output: Output, *, is_all: bool = False
    ) -> Ended | None:
        work = self._engine.in_own_thread(
            lambda _: reading.read(turn, output, output.size, is_all=is_all)
        )
        try:
            return await process.to_the_last_write(work, reading.abort)
        except BaseException:
            self._close_reading()
            raise

    def _close_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()
        if reading is not None and reading.stream is self._input:
            self._input = None

    def _close_input(self) -> None:
        if self._reading is not None and self._reading.stream is self._input:
            self._close_reading()  # one connection for both
        elif self._input is not None:
            self._input.close()
            self._input = None
