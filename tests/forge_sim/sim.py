"""One forge: its records, repositories, hooks, limits, faults and ledger, held together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from .config import Config
from .faults import Faults
from .git import GitStore
from .hooks import Hooks
from .ledger import Ledger
from .limits import RateLimits
from .shapes.common import Urls, user
from .shapes.repos import in_push, repository
from .state import Account, App, Json, Repo, World
from .validation import Validator, validator_for


class Sim:
    """``urls`` is known once the socket is bound, so it is set at the end of the start."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.urls = Urls("http://127.0.0.1")
        self.world = World()
        self.git = GitStore(config.data / "git")
        self.ledger = Ledger(config.data / "ledger.jsonl")
        self.faults = Faults()
        self.limits = RateLimits(config.limits)
        self.validator: Validator = validator_for(config.description)
        self.hooks = Hooks(self.world, self.ledger, self.faults, self.validator, config.hook_timeout)
        self.token_lifetime = config.token_lifetime
        self.nonmember_404 = config.nonmember_404
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.git.prepare()

    def lock(self, repo: Repo) -> asyncio.Lock:
        """Held while a repository's branches change, so that before and after are true."""
        return self._locks[repo.id]

    def emit(
        self,
        event: str,
        repo: Repo,
        sender: Account,
        payload: dict[str, Any],
        only: App | None = None,
    ) -> None:
        """Send an event with the repository, organisation and sender that every payload has."""
        shape = in_push if event == "push" else repository
        body = {**payload, "repository": shape(self.urls, repo), "sender": user(self.urls, sender)}
        if repo.owner.type == "Organization":
            body["organization"] = self.organization(repo.owner)
        self.hooks.emit(event, body, repo, only)

    def organization(self, account: Account) -> Json:
        url = f"{self.urls.api}/orgs/{account.login}"
        shape = user(self.urls, account)
        names = ("hooks", "issues", "members", "public_members", "repos", "events")
        tails = {"members": "members{/member}", "public_members": "public_members{/member}"}
        return {
            "login": account.login,
            "id": account.id,
            "node_id": shape["node_id"],
            "url": url,
            **{f"{name}_url": f"{url}/{tails.get(name, name)}" for name in names},
            "avatar_url": shape["avatar_url"],
            "description": "",
        }

    async def close(self) -> None:
        await self.hooks.close()
        await self.git.close()
        self.ledger.close()
