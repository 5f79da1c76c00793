"""The least an HTTP server can do: read a delivery and answer 202, send a file as it is. A port in, nothing out."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web

from bench.table import CannotMeasure
from tests.rig import Process, free_port

#: Scripts of any page may read it.
PLAIN: Final = {"Content-Type": "text/plain; charset=utf-8", "Access-Control-Allow-Origin": "*"}


@asynccontextmanager
async def bare_server(file: Path | None = None) -> AsyncIterator[str]:
    """Its address; a process of its own, which has ended when this is left. Raises `CannotMeasure`."""
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as home:
        port = free_port()
        command = [sys.executable, "-m", "bench.bare_server", str(port), *([str(file)] if file else [])]
        process = Process(command, Path(home) / "log")
        process.start()
        try:
            await _listening(port)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.stop()


async def _listening(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            if time.monotonic() > deadline:
                raise CannotMeasure("the bare server did not start") from error
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def main(port: int, file: str = "") -> None:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202, text="stored\n")

    async def send(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(file, headers=PLAIN)

    app = web.Application()
    app.router.add_post("/", take)
    app.router.add_get("/", send)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
