"""The Docker engine without waiting in the event loop: blocking client calls in, awaitables out.

Nothing but the `EngineError` tree comes out of here. Short calls share a few threads; each long stream
has a thread of its own (see `streams`), so that the streams never keep a short call waiting.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import docker.utils
from docker import APIClient
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from ci_bot.core.errors import EngineError
from ci_bot.executors.docker import words

T = TypeVar("T")

CALL_SECONDS = 60
_THREADS = 8
_CONNECTIONS = 64


class EngineRefusal(EngineError):
    """The engine answered with an error; `status` is its HTTP status, `text` its own words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the Docker engine refused: {words.one_line(text)}")
        self.status = status
        self.text = text

    @property
    def is_missing(self) -> bool:
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_conflict(self) -> bool:
        return self.status == HTTPStatus.CONFLICT


class _Client(APIClient):
    """Without HTTP_PROXY and REQUESTS_CA_BUNDLE of the environment: they are for the world, not the engine.

    A property, since the library asks the engine for its version before it lets go of the object.
    """

    @property
    def trust_env(self) -> bool:
        return False

    @trust_env.setter
    def trust_env(self, value: bool) -> None:
        """Set to True by the library."""


class Engine:
    """One engine; the connection is made at the first call, so that making this object never fails.

    `base_url` is the engine's URL ("unix:///var/run/docker.sock"), None for what `DOCKER_HOST` says.
    Certificates for `tcp://` are those of `DOCKER_CERT_PATH`, if `DOCKER_TLS_VERIFY` is set.
    """

    def __init__(self, base_url: str | None = None) -> None:
        environment = {**os.environ, "DOCKER_HOST": base_url} if base_url else None
        self._kwargs = docker.utils.kwargs_from_env(environment=environment)
        self.where: str = self._kwargs.get("base_url") or "unix:///var/run/docker.sock"
        self._client: APIClient | None = None
        self._connecting = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker-call")

    async def call(
        self, function: Callable[[APIClient], T], pool: ThreadPoolExecutor | None = None
    ) -> T:
        """Runs a blocking function with the client in a thread. Raises `EngineError`.

        When the caller is cancelled, the function still runs to its end.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool or self._pool, self._call, function)

    async def in_own_thread(self, function: Callable[[APIClient], T]) -> T:
        """As `call`, for what takes as long as a step: in a thread of its own that holds up no exit."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                value = self._call(function)
            except BaseException as error:  # noqa: BLE001 - all of it belongs to the one who awaits
                _hand_over(loop, result, partial(result.set_exception, error))
            else:
                _hand_over(loop, result, partial(result.set_result, value))

        threading.Thread(target=work, name="docker-stream", daemon=True).start()
        return await result

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)
        self._pool.shutdown(wait=False)

    def _call(self, function: Callable[[APIClient], T]) -> T:
        with self._translated():
            return function(self._connected())

    def _connected(self) -> APIClient:
        with self._connecting:
            if self._client is None:
                self._client = _Client(
                    **self._kwargs, version="auto", timeout=CALL_SECONDS, max_pool_size=_CONNECTIONS
                )
            return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except APIError as error:
            raise EngineRefusal(error.status_code or 0, str(error.explanation or error)) from error
        except DockerException as error:
            raise words.no_connection(self.where, _cause(error)) from error
        except (RequestException, HTTPError, ConnectionError, TimeoutError) as error:
            raise words.gone(self.where, _cause(error)) from error


def _hand_over(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], settle: Callable[[], None]
) -> None:
    def settle_if_awaited() -> None:
        if not future.done():
            settle()

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle_if_awaited)


def _cause(error: BaseException) -> str:
    """The operating system's word at the bottom of the libraries' chain of wrappers."""
    seen: BaseException = error
    while (below := seen.__cause__ or seen.__context__) is not None:
        seen = below
    return getattr(seen, "strerror", None) or str(seen) or type(seen).__name__
