"""``python -m tests.forge_sim.gitlab``: run a simulated GitLab until it is told to stop."""

from __future__ import annotations

import asyncio

from ..running import parser_of, run
from .config import Config
from .server import start

if __name__ == "__main__":
    parser = parser_of("forge_sim.gitlab", __doc__)
    parser.add_argument("--gitlab-version", default="19.2.0", help="what is there depends on it")
    parser.add_argument("--tier", choices=("free", "premium"), default="premium")
    args = parser.parse_args()
    config = Config(
        data=args.data.resolve(),
        port=args.port,
        host=args.host,
        version=args.gitlab_version,
        tier=args.tier,
    )
    asyncio.run(run(start(config), args.announce))
