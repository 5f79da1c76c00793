"""A socket in front of the Docker engine's, which breaks when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ENGINE = "/var/run/docker.sock"


class Proxy:
    """A socket in front of the engine's, which can break."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, self.path)
        try:
            yield
        finally:
            self.path.unlink(missing_ok=True)
            await asyncio.sleep(
                0.05
            )  # Python 3.13 leaks what is being accepted while the server closes
            server.close()
            while self._serving:  # one may just be connecting to the engine
                self.cut()
                await asyncio.wait(self._serving, timeout=0.1)

    def cut(self) -> None:
        """Breaks every connection; new ones are served."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
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
