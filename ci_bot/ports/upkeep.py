"""The store, counted and tidied. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stock:
    """How much of everything waits, at one moment."""

    jobs: Mapping[str, int]  # unfinished ones by status
    longest_ready: float  # seconds since the oldest ready job was made; 0.0 for none
    deliveries: int  # to be decided
    set_aside: int  # deliveries that failed for good
    publications: int  # commits and pull requests whose truth the forge does not show yet
    effects: int


class Stocktaking(Protocol):
    async def stock(self) -> Stock:
        """Raises `StoreError`."""
        ...


#: Where a sweep over all runs stands: when a run was made, and its id.
Place = tuple[float, str]
BEGINNING: Place = (0.0, "")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One batch: how many runs went, whose jobs' logs can go, and the place to go on after.

    `place` is None at the end of the sweep.
    """

    runs: int
    jobs: tuple[str, ...]
    place: Place | None


class Past(Protocol):
    """What is old, in batches: each is one short transaction. Raises `StoreError`.

    What is removed is chosen inside its transaction by `core.retention`, so nothing open refers to it.
    """

    async def forget_deliveries(self, before: float) -> int:
        """Deliveries that ended before a moment, and effects; how many. 0 when none is left."""
        ...

    async def forget_runs(self, before: float, after: Place = BEGINNING) -> Forgotten: ...

    async def logs_wanted(self, job_ids: Collection[str]) -> Collection[str]:
        """Those of these jobs whose logs must stay, however old they are."""
        ...

    async def give_back(self) -> int:
        """Gives the space that is free inside the database back to the disk; how many pages."""
        ...
