"""``python -m tests.forge_sim``: run a simulated GitHub until it is told to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from .config import Config
from .running import parser_of, run
from .server import start

if __name__ == "__main__":
    parser = parser_of("forge_sim", __doc__)
    parser.add_argument("--description", type=Path, help="api.github.com.json to validate against")
    args = parser.parse_args()
    config = Config(
        data=args.data.resolve(), port=args.port, host=args.host, description=args.description
    )
    asyncio.run(run(start(config), args.announce))
