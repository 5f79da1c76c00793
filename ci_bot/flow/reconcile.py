"""0. reconcile: deliveries that failed are asked for again; heads that no delivery told of are found.

What is found takes the one road: it goes into the inbox as a delivery of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

import structlog

from ci_bot.core.deciding import turn_of
from ci_bot.core.errors import CiBotError, SignatureRefused
from ci_bot.core.events import Event
from ci_bot.core.reconciling import (
    REDELIVERABLE_SECONDS,
    Attempt,
    KnownRepo,
    Letter,
    heads_to_ask_about,
    is_known,
    letter_id,
    of_letter,
    schedules_to_ask_about,
    to_letter,
    to_redeliver,
    unanswered,
)
from ci_bot.flow.bell import Bell
from ci_bot.ports import Clock, Decisions, Delivery, Inbox, ReconcilingForge, Repositories

_log = structlog.get_logger()

#: The name under which findings are in the inbox; no hook URL has it.
FOUND: Final = "found"
ASK_AGAIN_SECONDS: Final = 60
LOOK_AT_HEADS_SECONDS: Final = 300
#: A delivery in the list may end later than one above it.
OVERLAP_SECONDS: Final = 600.0
REDELIVER_AT_ONCE: Final = 50
#: Repositories whose heads are looked at in one round: two calls each, and the forge's limit is 5,000 an hour.
REPOS_AT_ONCE: Final = 25


class Findings:
    """Reads findings back from the inbox; nobody can deliver one from outside. Implements `ports.Webhook`."""

    def require_signature(self, headers: Mapping[str, str]) -> None:
        raise SignatureRefused("findings are our own")

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        raise SignatureRefused("findings are our own")

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        return of_letter(body)

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        raise SignatureRefused("findings are our own")


class Reconciler:
    """Looks at the forges when it is told to; a look that fails is made again next time."""

    def __init__(
        self,
        forges: Mapping[str, ReconcilingForge],
        repositories: Repositories,
        decisions: Decisions,
        inbox: Inbox,
        clock: Clock,
        arrived: Bell,
    ) -> None:
        self._forges = forges
        self._repositories = repositories
        self._decisions = decisions
        self._inbox = inbox
        self._clock = clock
        self._arrived = arrived
        self._failed: dict[str, tuple[Attempt, ...]] = {}
        self._looked_at: dict[str, float] = {}
        self._next = 0
        self._up_since = clock.now()

    async def ask_again(self) -> int:
        """Has failed deliveries delivered again; returns how many. Never raises."""
        count = 0
        for name, forge in self._forges.items():
            try:
                count += await self._ask_again(name, forge)
            except CiBotError as error:
                _log.warning("failed deliveries not asked for", forge=name, error=str(error))
        return count

    async def _ask_again(self, name: str, forge: ReconcilingForge) -> int:
        now = self._clock.now()
        since = self._looked_at.get(name, now - REDELIVERABLE_SECONDS)
        served = [one.repo for one in await self._repositories.served() if one.repo.forge == name]
        seen = await forge.attempts(served, since - OVERLAP_SECONDS)
        self._looked_at[name] = now
        self._failed[name] = unanswered((*self._failed.get(name, ()), *seen), now)
        due = to_redeliver(self._failed[name], self._up_since, now)[:REDELIVER_AT_ONCE]
        for attempt in due:
            await forge.redeliver(attempt)
        if due:
            _log.info("failed deliveries asked for again", forge=name, count=len(due))
        return len(due)

    async def look_at_heads(self, most: int = REPOS_AT_ONCE) -> int:
        """Looks at the next `most` repositories, in turn; returns how many heads had no run. Never raises."""
        try:
            served = [
                one for one in await self._repositories.served() if one.repo.forge in self._forges
            ]
        except CiBotError as error:
            _log.warning("no heads looked at", error=str(error))
            return 0
        start = self._next if self._next < len(served) else 0
        chosen = list(islice(served, start, start + most))
        self._next = start + len(chosen)
        count = 0
        for known in chosen:
            try:
                count += await self._look_at(known)
            except CiBotError as error:
                _log.warning("heads not looked at", repo=known.repo.name, error=str(error))
        return count

    async def _look_at(self, known: KnownRepo) -> int:
        repo, forge = known.repo, self._forges[known.repo.forge]
        pulls = await forge.open_pulls(repo, known.first_seen)
        if not repo.default_branch:  # an installation told of it, and nothing since
            repo = replace(repo, default_branch=await forge.default_branch(repo))
            known = replace(known, repo=repo)
        push = await forge.last_push(repo, repo.default_branch)
        now, count = self._clock.now(), 0
        for found in heads_to_ask_about(known, pulls, push, now):
            if is_known(found, await self._decisions.runs_of_head(repo.key, found.sha)):
                continue
            if await self._put(found):
                count += 1
                _log.info("head found that no delivery told of", repo=repo.name, sha=found.sha)
        schedules = schedules_to_ask_about(known, push, now)
        if schedules is not None:
            await self._put(schedules)
        return count

    async def _put(self, found: Letter) -> bool:
        letter = Delivery(FOUND, letter_id(found), {}, to_letter(found), turn_of(found))
        is_new = await self._inbox.put(letter)
        if is_new:
            self._arrived.ring()
        return is_new
