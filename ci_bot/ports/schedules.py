"""What is to be started at certain times, and the heads that it starts on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from ci_bot.core.events import Repo
from ci_bot.core.reconciling import LastPush
from ci_bot.core.scheduling import Timed

#: The name under which ticks are in the inbox; no hook URL has it.
TICKS: Final = "schedule"


class Schedules(Protocol):
    """The stored schedules: the truth about what is due. Decisions write them. Raises `StoreError`."""

    async def take_due(self, up_since: float) -> int:
        """Puts a tick into the inbox for each schedule that is due, and moves the schedule on, at once.

        Safe with many processes, and to repeat: each moment is taken once. `up_since` is when this
        process began to look. Returns how many ticks there are to decide.
        """
        ...

    async def schedule(self, id: str) -> Timed | None: ...

    async def listed(self, repo_key: str | None = None) -> Sequence[Timed]:
        """Those of one repository, or of all that are served; by repository, what is due first."""
        ...


class Branches(Protocol):
    """A forge's branches. Raises as `ForgeFacts` does."""

    async def branch_head(self, repo: Repo, branch: str) -> str | None:
        """The sha of its newest commit now; None where there is no such branch."""
        ...

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        """As `ReconcilingForge` has it."""
        ...
