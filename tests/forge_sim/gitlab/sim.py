"""One GitLab: its records, repositories, hooks, limits, faults and ledger, held together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from ..faults import Faults
from ..git import GitStore
from ..ledger import Ledger
from .config import Config
from .hooks import Hooks
from .limits import RateLimits
from .shapes.common import Urls
from .state import Project, World

if TYPE_CHECKING:
    from .registering import Bot

#: Kept by the forge itself, readable for all who may read the project, writable for nobody.
HIDDEN_REFS = "refs/merge-requests"


class Sim:
    """``urls`` is known once the socket is bound, so it is set at the end of the start."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.urls = Urls("http://127.0.0.1")
        self.world = World()
        self.bots: dict[int, Bot] = {}
        self.git = GitStore(config.data / "git", HIDDEN_REFS)
        self.ledger = Ledger(config.data / "ledger.jsonl")
        self.faults = Faults()
        self.limits = RateLimits(config.limits)
        self.hooks = Hooks(self, self.faults, self.ledger, config.hook_timeout)
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.git.prepare()

    @property
    def signs(self) -> bool:
        """Signing tokens came with 19.0."""
        return self.is_at_least(19, 0)

    def is_at_least(self, *version: int) -> bool:
        known = tuple(int(part) for part in self.config.version.split("-")[0].split("."))
        return known >= version

    def lock(self, project: Project) -> asyncio.Lock:
        """Held while a project's branches change, so that before and after are true."""
        return self._locks[project.id]

    async def close(self) -> None:
        await self.hooks.close()
        await self.git.close()
        self.ledger.close()
