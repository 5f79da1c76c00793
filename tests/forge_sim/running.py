"""A simulated forge while it runs, in this process or as a program: bound, announced, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import web

from .ledger import Ledger
from .state import Json

_MOST_BODY = 256 * 1024 * 1024


class _Urls(Protocol):
    @property
    def web(self) -> str: ...
    @property
    def api(self) -> str: ...


class _Simulated(Protocol):
    """What runs: one forge's records and parts, held together."""

    @property
    def urls(self) -> _Urls: ...
    @property
    def ledger(self) -> Ledger: ...
    async def close(self) -> None: ...


_S = TypeVar("_S", bound=_Simulated)


class RunningForge(Generic[_S]):
    """``url`` is its web address, ``api_url`` the REST root."""

    def __init__(self, sim: _S, runner: web.AppRunner) -> None:
        self.sim = sim
        self._runner = runner

    @property
    def url(self) -> str:
        return self.sim.urls.web

    @property
    def api_url(self) -> str:
        return self.sim.urls.api

    @property
    def violations(self) -> list[Json]:
        """Each has ``violation`` (the kind), ``where``, ``message`` and ``who``."""
        return self.sim.ledger.violations

    @property
    def ledger(self) -> list[Json]:
        return self.sim.ledger.entries

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self.sim.close()


async def bind(
    host: str, port: int, add_routes: Callable[[web.UrlDispatcher], None]
) -> tuple[web.AppRunner, str]:
    """Bind, and only then return: the first request may follow at once. The second is the address."""
    app = web.Application(client_max_size=_MOST_BODY)
    add_routes(app.router)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner, f"http://{host}:{runner.addresses[0][1]}"


def parser_of(program: str, description: str | None) -> ArgumentParser:
    """With the options that every simulated forge has."""
    parser = ArgumentParser(prog=program, description=description)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="git repositories and ledger")
    parser.add_argument("--announce", type=Path, help="file to write the address to")
    return parser


async def run(starting: Awaitable[RunningForge[Any]], announce_to: Path | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    forge = await starting
    if announce_to is not None:
        announce(announce_to, forge)
    print(json.dumps({"url": forge.url}), flush=True)
    await stopped.wait()
    await forge.stop()


def announce(path: Path, forge: RunningForge[Any]) -> None:
    """Write ``{"url": …}`` so that a reader sees all of it or nothing."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps({"url": forge.url}))
    partial.replace(path)
