"""The store of what is kept of jobs: artifacts and caches. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ci_bot.core.caching import StoredCache
from ci_bot.core.extras import Extras
from ci_bot.core.retention import StoredArtifacts
from ci_bot.ports.runs import Lease


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """The artifacts of one attempt of a job. Names are masked, and sorted."""

    job_id: str
    files: tuple[tuple[str, int], ...]  # name and bytes
    size: int
    packed: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class NewCache:
    """A cache that was just packed under `id`. `branch` is the one that it belongs to."""

    id: str
    repo: str  # key
    branch: str
    key: str
    shape: str
    size: int  # packed
    worth: float  # seconds that the job which made it took


@dataclass(frozen=True, slots=True)
class FoundCache:
    id: str
    key: str
    worth: float


class Artifacts(Protocol):
    async def note(self, lease: Lease, extras: Extras, record: ArtifactRecord | None = None) -> None:
        """What there is of the job by now, and its artifacts, in the place of earlier ones. Raises `LeaseLost`."""
        ...

    async def of(self, job_ids: Collection[str]) -> Sequence[ArtifactRecord]:
        """Those that have not expired or gone."""
        ...

    async def all(self) -> Sequence[StoredArtifacts]:
        """Expired ones, too."""
        ...

    async def known(self, job_ids: Collection[str]) -> Collection[str]:
        """Those of these jobs that have artifacts, or have not ended yet."""
        ...

    async def drop(self, job_ids: Collection[str]) -> None: ...


class Caches(Protocol):
    async def find(
        self, repo: str, branches: Sequence[str], key: str, shape: str, fallback: Sequence[str]
    ) -> FoundCache | None:
        """The exact key on the nearest branch that has it; else, for each beginning of a key in turn, the
        newest on the nearest branch. What is found counts as used now."""
        ...

    async def add(self, cache: NewCache) -> bool:
        """False where the branch has this key already: what is there stays."""
        ...

    async def all(self) -> Sequence[StoredCache]: ...

    async def drop(self, ids: Collection[str]) -> None: ...
