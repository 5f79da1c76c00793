"""2d. changes: what is to be compared → the files that changed, from the forge, else from git."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from ci_bot.core import changes
from ci_bot.core.changes import Between, ChangedFiles, OfPull, Question
from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError, WorkspaceError
from ci_bot.core.events import Repo
from ci_bot.core.occasion import Changed
from ci_bot.ports import Differences, ForgeFacts

_log = structlog.get_logger()

#: What a forge answers where it knows one of the commits no more, or cannot compare them.
_CANNOT = (404, 406, 422)
GIT_SECONDS = 120.0  # for a first clone, perhaps: the events of the repository wait meanwhile


class Changes:
    """The forge is asked first: its answer costs one request and no clone."""

    def __init__(self, forges: Mapping[str, ForgeFacts], differences: Differences) -> None:
        self._forges = forges
        self._differences = differences

    async def of(self, repo: Repo, question: Question) -> Changed:
        """Raises as `ForgeFacts` does where asking again later would help."""
        if isinstance(question, Changed):
            return question
        try:
            found = await self._ask(repo, question)
        except (ForgeBusy, ForgeDenied):
            raise
        except ForgeError as error:
            if error.status not in _CANNOT:
                raise
            return Changed(None, f"the forge cannot compare: {error}")
        if found.is_whole:
            return Changed(found.paths)
        return await self._from_git(repo, question, found)

    async def _ask(self, repo: Repo, question: OfPull | Between) -> ChangedFiles:
        forge = self._forges[repo.forge]
        found = await forge.changed_files(repo, question)
        if isinstance(question, Between) and found.is_whole and changes.was_forced(question, found):
            return changes.both_ways(
                found, await forge.changed_files(repo, changes.backwards(question))
            )
        return found

    async def _from_git(self, repo: Repo, question: OfPull | Between, found: ChangedFiles) -> Changed:
        """More files than the forge lists. What git cannot tell either counts as everything."""
        pull = question.number if isinstance(question, OfPull) else None
        base, is_start = _base(question, found)
        try:
            source = await self._forges[repo.forge].clone_source(repo, pull)
            async with asyncio.timeout(GIT_SECONDS):
                paths = await self._differences.between(
                    repo, source, base, question.head, from_common=not is_start
                )
        except (WorkspaceError, TimeoutError) as error:
            why = str(error) or f"no answer in {GIT_SECONDS:.0f} s"
            _log.warning("changed files unknown", repo=repo.name, error=why)
            reason = f"more than the {len(found.paths)} files that the forge lists, and git: {why}"
            return Changed(None, reason)
        return Changed(tuple(paths))


def _base(question: OfPull | Between, found: ChangedFiles) -> tuple[str, bool]:
    """What git compares with, and whether that is where both parted (or, of a push, simply before)."""
    if isinstance(question, OfPull):
        return question.base, False
    if changes.was_forced(question, found) or not found.start:
        return question.base, True
    return found.start, True
