"""A socket in front of the Docker engine's, which breaks when a test says so."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_REQUEST = re.compile(rb"^(GET|HEAD|POST|PUT|DELETE) (/\S*) HTTP/1\.1\r\n", re.MULTILINE)
ENGINE = "/var/run/docker.sock"


class Proxy:
    """A socket in front of the engine's, which can break."""

    def __init__(self, path: Path, engine: str = ENGINE) -> None:
        self.path = path
        self._engine = engine
        self.requests: list[str] = []  # "METHOD target" of each
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving_tls(self, context: ssl.SSLContext) -> AsyncIterator[int]:
        """At a port of the loopback address, which is given."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            self.cut()

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
            abort(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        engine_reader, engine_writer = await asyncio.open_unix_connection(self._engine)
        self._writers |= {writer, engine_writer}
        await asyncio.gather(
            _copy(reader, engine_writer, self._note), _copy(engine_reader, writer, lambda _: None)
        )
        self._writers -= {writer, engine_writer}

    def _note(self, chunk: bytes) -> None:
        """The client sends the head of a request in one piece."""
        found: list[tuple[bytes, bytes]] = _REQUEST.findall(chunk)
        self.requests += [f"{method.decode()} {target.decode()}" for method, target in found]


def abort(writer: asyncio.StreamWriter) -> None:
    """Where TLS is over already, Python 3.11.2 (Debian 12's) fails here; later ones do nothing."""
    with suppress(AttributeError):
        writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]
) -> None:
    try:
        while chunk := await reader.read(65536):
            note(chunk)
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
