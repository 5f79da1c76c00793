"""A simulated forge as a program: started, announced, stopped by SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from argparse import ArgumentParser
from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol


class Running(Protocol):
    @property
    def url(self) -> str: ...
    async def stop(self) -> None: ...


def parser_of(program: str, description: str | None) -> ArgumentParser:
    """With the options that every simulated forge has."""
    parser = ArgumentParser(prog=program, description=description)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="git repositories and ledger")
    parser.add_argument("--announce", type=Path, help="file to write the address to")
    return parser


async def run(starting: Awaitable[Running], announce_to: Path | None) -> None:
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


def announce(path: Path, forge: Running) -> None:
    """Write ``{"url": …}`` so that a reader sees all of it or nothing."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps({"url": forge.url}))
    partial.replace(path)
