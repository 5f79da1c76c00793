"""``python -m tests.forge_sim``: run a simulated forge until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from .config import Config
from .server import announce, start


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="forge_sim", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="git repositories and ledger")
    parser.add_argument("--description", type=Path, help="api.github.com.json to validate against")
    parser.add_argument("--announce", type=Path, help="file to write the address to")
    return parser.parse_args()


async def _run(args: argparse.Namespace) -> None:
    config = Config(
        data=args.data.resolve(), port=args.port, host=args.host, description=args.description
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    forge = await start(config)
    if args.announce is not None:
        announce(args.announce, forge)
    print(json.dumps({"url": forge.url}), flush=True)
    await stopped.wait()
    await forge.stop()


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))
