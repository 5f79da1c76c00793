"""Where a commit's statuses go: its project and ref, or the fork that its merge request comes from. I/O."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from ci_bot.core.events import Pull, Repo
from ci_bot.core.report.values import Spot
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.gitlab.facts import MERGE_REQUEST
from ci_bot.forges.gitlab.protection import is_developer
from ci_bot.forges.gitlab.statuses import Place
from ci_bot.forges.payload import Fields, shaped

_REMEMBERED: Final = 2000
#: How long it is believed whether our statuses are taken in a fork.
_BELIEVED_SECONDS: Final = 600.0


class Heads:
    """Remembers what does not change (where a merge request comes from), and pipelines that were seen."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sources: OrderedDict[tuple[int, int], int | None] = OrderedDict()
        self._pipelines: OrderedDict[tuple[str, int, str], int] = OrderedDict()
        self._taken: dict[int, tuple[bool, float]] = {}

    async def place(self, repo: Repo, spot: Spot) -> Place:
        """A merge request is gated by the pipelines of its source branch, in its source project.

        https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/
        """
        fork = None if spot.pull is None else await self.fork_of(repo, spot.pull)
        return self.with_pipeline(spot.sha, Place(repo.id if fork is None else fork, spot.ref))

    def beside(self, repo: Repo, spot: Spot) -> Place:
        """For what a fork does not take: in the target project, where it is seen and gates nothing.

        By a ref of the merge request's own, for a fork's branch may be called as one of the target's.
        """
        return self.with_pipeline(spot.sha, Place(repo.id, f"refs/merge-requests/{spot.pull}/head"))

    def with_pipeline(self, sha: str, place: Place) -> Place:
        known = self._pipelines.get((sha, place.project, place.ref), 0)
        return Place(place.project, place.ref, place.pipeline or known)

    def saw(self, sha: str, place: Place) -> None:
        if place.pipeline:
            _remember(self._pipelines, (sha, place.project, place.ref), place.pipeline)

    def learn(self, repo: Repo, pull: Pull) -> None:
        """Saves asking: whoever publishes for a merge request has looked at it before."""
        _remember(self._sources, (repo.id, pull.number), pull.head_repo)

    async def fork_of(self, repo: Repo, number: int) -> int | None:
        """The project that a merge request comes from, None for its own; a fork that is gone is 0."""
        key = (repo.id, number)
        if key not in self._sources:
            answer = await self._client.get(MERGE_REQUEST, project=repo.id, number=number)
            _remember(self._sources, key, shaped(_source, answer))
        found = self._sources[key]
        return None if found == repo.id else found or 0

    async def takes_ours(self, fork: int, bot: int) -> bool:
        """Whether our statuses are taken in a fork."""
        known, now = self._taken.get(fork), self._client.now()
        if known is None or not 0 <= now - known[1] < _BELIEVED_SECONDS:
            known = (fork > 0 and await is_developer(self._client, fork, bot), now)
            self._taken[fork] = known
        return known[0]

    def refused(self, fork: int) -> None:
        """A status was refused there in spite of the role."""
        self._taken[fork] = (False, self._client.now())


def _source(pull: Fields) -> int | None:
    return pull.id("source_project_id") if pull.has("source_project_id") else None


def _remember(known: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]
    known[key] = value
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
