"""A container's output while it comes: container id in, its own bytes written to a sink."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any, Protocol

from docker import APIClient
from docker.errors import APIError

from ci_bot.executors.docker.output import Demultiplexer

_CHUNK = 256 * 1024
_OUTPUT = {"stdout": 1, "stderr": 1}


class Sink(Protocol):
    def write(self, chunk: bytes) -> None: ...


class Stream(Protocol):
    """Chunks of the engine's multiplexed output; `abort` may be called from any thread."""

    of_log: bool

    def chunks(self) -> Iterator[bytes]: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


class Attached:
    """What a container writes from now on: attached before its start, this is all of it.

    With `has_input` its standard input too, which ends with this connection.
    """

    of_log = False

    def __init__(
        self,
        client: APIClient,
        container: str,
        *,
        has_input: bool = False,
        has_output: bool = True,
    ) -> None:
        wanted = {"stream": 1} | (_OUTPUT if has_output else {}) | ({"stdin": 1} if has_input else {})
        self._socket = client.attach_socket(container, wanted)

    def say(self, text: bytes) -> None:
        """To the container's standard input. Raises `OSError`."""
        connection = getattr(self._socket, "_sock", self._socket)
        connection.sendall(text)

    def chunks(self) -> Iterator[bytes]:
        """Polls first: the socket has the client's time limit, and a silent step may outlive that.

        What TLS has read already is not on the socket any more.
        """
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        while True:
            if not (hasattr(self._socket, "pending") and self._socket.pending()):
                poll.poll()
            chunk = _read(self._socket)
            if not chunk:
                return
            yield chunk

    def abort(self) -> None:
        _shut_down(self._socket.fileno())

    def close(self) -> None:
        """By way of the response to which the client ties the socket; only that frees everything."""
        getattr(self._socket, "_response", self._socket).close()


class Logged:
    """What the engine's log driver kept of a container, from the first byte; then what comes."""

    of_log = True

    def __init__(self, client: APIClient, container: str, *, follow: bool) -> None:
        # The client's own `logs` takes a connection that breaks for the end of the log.
        self._response = client.get(
            f"{client.base_url}/v{client.api_version}/containers/{container}/logs",
            params={**_OUTPUT, "timestamps": 1, "follow": int(follow)},
            stream=True,
            timeout=(client.timeout, None if follow else client.timeout),
        )
        if not self._response.ok:
            with self._response:
                raise APIError(self._response.reason, self._response, self._response.text)

    def chunks(self) -> Iterator[bytes]:
        return self._response.iter_content(None)

    def abort(self) -> None:
        _shut_down(self._response.raw.fileno())

    def close(self) -> None:
        self._response.close()


def pump(stream: Stream, sink: Sink, skip: int) -> None:
    """Writes all that comes, but for the first `skip` bytes of it."""
    demultiplexer, seen = Demultiplexer(of_log=stream.of_log), 0
    with closing(stream):
        for chunk in stream.chunks():
            output = demultiplexer.feed(chunk)
            fresh = output[max(0, skip - seen) :]
            seen += len(output)
            if fresh:
                sink.write(fresh)


def _read(source: Any) -> bytes:
    """From what `attach_socket` gives: a raw file over the socket, or with TLS the socket itself."""
    chunk = source.recv(_CHUNK) if hasattr(source, "recv") else source.read(_CHUNK)
    return chunk or b""


def _shut_down(descriptor: int) -> None:
    """Wakes the thread that reads from this connection; its descriptor stays valid until it closes it."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RDWR)
