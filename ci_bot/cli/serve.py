"""`ci-bot serve`: the server, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path

import click
import structlog
from aiohttp import web

from ci_bot import __version__
from ci_bot.cli.logging import configure
from ci_bot.flow.known import Known
from ci_bot.settings import Settings, load
from ci_bot.wiring.server import Server, open_server

_log = structlog.get_logger()
FINISH_SECONDS = 10.0  # for requests that are being answered when we are told to stop


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: ci-bot.toml]"
)
def serve(config: Path | None) -> None:
    """Receive events, run jobs, publish results.

    SIGTERM ends the server gracefully: running containers go on, and the next server adopts them.
    """
    settings = load(config)
    known = Known()
    configure(settings.log_level, settings.log_format, known.mask)
    asyncio.run(_serve(settings, known))


async def _serve(settings: Settings, known: Known) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_server(settings, known) as server:
        gc.collect()
        gc.freeze()  # what is there by now stays: looking through it again would hold up webhooks
        await _until(stop, server, settings)
    _log.info("stopped")


async def _until(stop: asyncio.Event, server: Server, settings: Settings) -> None:
    """Listens and works until `stop`; a part that fails for good ends the server with its error."""
    runner = web.AppRunner(
        server.app, access_log=None, shutdown_timeout=FINISH_SECONDS, auto_decompress=False
    )
    await runner.setup()
    working = asyncio.create_task(server.work())
    stopping = asyncio.create_task(stop.wait())
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=512).start()
        host, port = runner.addresses[0][:2]
        _log.info("serving", version=__version__, address=f"http://{host}:{port}")
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        _log.info("stopping")
        await runner.cleanup()
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
