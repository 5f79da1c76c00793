"""2e. ticking: a tick, or a head of the default branch that no push told of → the facts → one Decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ci_bot.core import changes, deciding
from ci_bot.core.deciding import TickHead
from ci_bot.core.decisions import Decision, together
from ci_bot.core.events import RepoRenamed, SchedulesFound, Ticked
from ci_bot.core.model import Run, RunKind
from ci_bot.core.scheduling import Timed
from ci_bot.core.trust import Ruling, Trust, inherited
from ci_bot.flow.facts import Facts
from ci_bot.ports import Branches, Schedules

#: A head that neither a delivery nor the forge's record tells who brought.
UNKNOWN: Final = Trust(Ruling.RUN_WITHOUT_SECRETS)


class Scheduled:
    """Schedule, branch and trust are looked up at the moment of deciding."""

    def __init__(self, branches: Mapping[str, Branches], facts: Facts, schedules: Schedules) -> None:
        self._branches = branches
        self._facts = facts
        self._schedules = schedules

    async def decide(self, event: Ticked | SchedulesFound | RepoRenamed) -> Decision:
        match event:
            case Ticked():
                return await self._ticked(event)
            case SchedulesFound():
                return await self._found(event)
            case RepoRenamed():
                return await self._renamed(event)

    async def _ticked(self, event: Ticked) -> Decision:
        timed = await self._schedules.schedule(event.schedule)
        if timed is None or timed.paused:
            return deciding.decide_tick(event, timed, None, UNKNOWN)
        sha = await self._branches[timed.repo.forge].branch_head(timed.repo, timed.runs_on)
        if sha is None:
            return deciding.decide_tick(event, timed, None, UNKNOWN)
        runs = await self._facts.runs_of_head(timed.repo, sha)
        trust = await self._trust(timed, sha, runs)
        head = await self._facts.head(timed.repo, sha, "", "", RunKind.SCHEDULE, changes.OF_A_SCHEDULE)
        return deciding.decide_tick(event, timed, TickHead(sha, head, runs), trust)

    async def _trust(self, timed: Timed, sha: str, runs: Sequence[Run]) -> Trust:
        """Whoever brought the schedule is asked about now, and it is not more than the head's own."""
        repo = timed.repo
        brought = await self._facts.trust_of_schedule(repo, timed.sha, timed.actor)
        brought = deciding.may_tick(brought, repo, timed.sha)
        if sha == timed.sha or not brought.ruling.may_start:
            return brought
        head = await self._trust_of_head(timed, sha, runs)
        return deciding.together_with(brought, deciding.may_tick(head, repo, sha))

    async def _trust_of_head(self, timed: Timed, sha: str, runs: Sequence[Run]) -> Trust:
        """As its push was judged; else by whoever the forge says moved the branch there."""
        pushes = [run for run in runs if run.kind is RunKind.PUSH]
        if pushes:
            return inherited(pushes[-1].ruling, pushes[-1].vouchers, pushes[-1].reason)
        push = await self._branches[timed.repo.forge].last_push(timed.repo, timed.runs_on)
        if push is None or push.sha != sha:
            return UNKNOWN
        return await self._facts.trust_of_schedule(timed.repo, sha, push.actor)

    # which schedules there are

    async def _found(self, event: SchedulesFound) -> Decision:
        """A push that was told of since says it itself."""
        head = await self._branches[event.repo.forge].branch_head(event.repo, event.branch)
        if head != event.sha:
            return Decision(f"{event.branch} has moved on since")
        reading = await self._facts.reading(event.repo, event.sha)
        return deciding.as_found(event.repo, event.sha, event.actor, reading)

    async def _renamed(self, event: RepoRenamed) -> Decision:
        """Perhaps another branch is the default one from now on: then its file counts."""
        repo, decision = event.repo, deciding.decide_repo(event)
        if not repo.default_branch:
            return decision
        push = await self._branches[repo.forge].last_push(repo, repo.default_branch)
        if push is None:
            return decision
        reading = await self._facts.reading(repo, push.sha)
        found = deciding.as_found(repo, push.sha, push.actor, reading)
        return together((decision, found))
