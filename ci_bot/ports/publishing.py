"""The store of what forges should show, and are known to. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ci_bot.core.convergence import Published
from ci_bot.core.events import Repo
from ci_bot.core.model import Run


@dataclass(frozen=True, slots=True)
class Subject:
    """Something the forge shows: a commit (`sha`), or a pull request's conversation (`pull`).

    `wanted` is the version of the truth to be shown; publishing ends by saying which was.
    """

    id: int
    repo: Repo
    sha: str
    pull: int | None
    wanted: int
    tries: int
    runs: tuple[Run, ...]  # every run of the commit, or of the pull request, oldest first


class Publications(Protocol):
    """What should be shown, and what the forge is known to show. Raises `StoreError`."""

    async def due(self, limit: int, but: Collection[int] = ()) -> Sequence[Subject]:
        """Subjects whose truth is newer than what is shown and that are due, longest waiting first.

        `but` are ids of subjects that are left out.
        """
        ...

    async def known(self, subject: int) -> Mapping[str, Published]: ...

    async def save(self, subject: int, published: Published) -> None: ...

    async def show_waiting(self) -> None:
        """Whatever has a job that is ready is to be shown anew: why it waits has changed."""
        ...

    async def shown(self, subject: int, version: int) -> None:
        """Everything up to `version` is shown."""
        ...

    async def postpone(self, subject: Subject, until: float, error: str) -> None:
        """Not due again before `until`.

        With an error that holds whatever happens; without one (progress that was held back) only as
        long as the truth stays as it was read.
        """
        ...
