"""A server for the verbs that ask one: the API over a real store in a thread of its own, deciding what it is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from tests.fakes import FakeForge, FakeWebhook
from tests.flow.road import Deciding
from tests.stores import open_store
from tests.web.api.conftest import Api

T = TypeVar("T")


class Served:
    """What a test does with it: `do` runs a coroutine where the server lives."""

    def __init__(self, loop: asyncio.AbstractEventLoop, api: Api) -> None:
        self._loop = loop
        self.api = api
        self.url = str(api.server.make_url("")).rstrip("/")

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def a_run(self, *output: bytes, **more: Any) -> str:
        return self.do(self.api.a_run(*output, **more))

    def begin(self, **more: Any) -> str:
        return self.do(self.api.begin(**more))

    def end(self, *output: bytes, **more: Any) -> None:
        self.do(self.api.end(*output, **more))


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    ready, over = threading.Event(), asyncio.Event()
    made: list[Served] = []

    async def serve() -> None:
        async with open_store(f"sqlite+aiosqlite:///{folder / 'served.db'}") as store:
            api = Api(store, FileLogs(folder / "served-logs"), FilePacks(folder / "served-artifacts"))
            await api.open()
            deciding = Deciding(store, FakeForge(), FakeWebhook())
            made.append(Served(asyncio.get_running_loop(), api))
            ready.set()
            while not over.is_set():
                await deciding.decide()
                await asyncio.sleep(0.02)
            await api.client.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield made[0]
    finally:
        made[0]._loop.call_soon_threadsafe(over.set)
        thread.join(20)
