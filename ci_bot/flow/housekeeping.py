"""What is old is forgotten, shelf by shelf, in batches that hold the database for a moment each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import structlog

from ci_bot.core.caching import to_evict
from ci_bot.core.errors import CiBotError
from ci_bot.core.retention import Retention, forgettable_artifacts, forgettable_logs
from ci_bot.flow.meters import Meters
from ci_bot.ports import BEGINNING, Clock, LogArchive, Packs, Past, Place
from ci_bot.ports import Artifacts as ArtifactRecords
from ci_bot.ports import Caches as CacheRecords

_log = structlog.get_logger()
BREATH_SECONDS: Final = 0.05  # between two batches: whoever waits to write comes first
AT_ONCE: Final = 100
ORPHAN_SECONDS: Final = 24 * 3600.0


class Shelf(Protocol):
    """One kind of thing that is kept for a while. `name` is its word in logs and metrics."""

    name: str

    async def tidy(self) -> int:
        """Removes what is old; returns how many things that were. Raises `CiBotError`."""
        ...


class Housekeeper:
    """Goes along all shelves; what cannot be removed now is met again next time."""

    def __init__(self, shelves: Sequence[Shelf], meters: Meters) -> None:
        self._shelves = shelves
        self._meters = meters

    async def tidy(self) -> None:
        """Never raises: a shelf that is broken keeps no other from being tidied."""
        for shelf in self._shelves:
            try:
                count = await shelf.tidy()
            except (CiBotError, OSError) as error:
                _log.warning("old things not removed", what=shelf.name, error=str(error))
                continue
            if count:
                self._meters.removed.labels(shelf.name).inc(count)
                _log.info("old things removed", what=shelf.name, count=count)


class Deliveries:
    name = "deliveries"

    def __init__(self, past: Past, keep: Retention, clock: Clock) -> None:
        self._past = past
        self._keep = keep
        self._clock = clock

    async def tidy(self) -> int:
        before = self._keep.before(self._keep.deliveries, self._clock.now())
        total = 0
        while before is not None and (count := await self._past.forget_deliveries(before)):
            total += count
            await self._clock.sleep(BREATH_SECONDS)
        return total


class Runs:
    """Rows first, files after: what a crash leaves between the two is an old log, and goes as one."""

    name = "runs"

    def __init__(
        self, past: Past, logs: LogArchive, artifacts: Packs, keep: Retention, clock: Clock
    ) -> None:
        self._past = past
        self._logs = logs
        self._artifacts = artifacts
        self._keep = keep
        self._clock = clock

    async def tidy(self) -> int:
        before = self._keep.before(self._keep.runs, self._clock.now())
        place: Place | None = None if before is None else BEGINNING
        total = 0
        while before is not None and place is not None:
            gone = await self._past.forget_runs(before, place)
            await asyncio.to_thread(_forget, self._logs, gone.jobs)
            await asyncio.to_thread(_forget, self._artifacts, gone.jobs)
            total += gone.runs
            place = gone.place
            await self._clock.sleep(BREATH_SECONDS)
        return total


class Logs:
    """By age, and the oldest first while all of them take up more than they may."""

    name = "logs"

    def __init__(self, past: Past, logs: LogArchive, keep: Retention, clock: Clock) -> None:
        self._past = past
        self._logs = logs
        self._keep = keep
        self._clock = clock

    async def tidy(self) -> int:
        kept = await asyncio.to_thread(self._logs.kept)
        before = self._keep.before(self._keep.logs, self._clock.now())
        total = self._keep.logs_total
        if not forgettable_logs(kept, (), before, total):
            return 0
        wanted = await self._past.logs_wanted([log.job_id for log in kept])
        gone = forgettable_logs(kept, wanted, before, total)
        for some in _batches(gone):
            await asyncio.to_thread(_forget, self._logs, some)
        return len(gone)


class Artifacts:
    """Artifacts whose time is over, the oldest while all of them take up more than they may, and packs that
    a crash left without a row."""

    name = "artifacts"

    def __init__(self, records: ArtifactRecords, packs: Packs, keep: Retention, clock: Clock) -> None:
        self._records = records
        self._packs = packs
        self._keep = keep
        self._clock = clock

    async def tidy(self) -> int:
        """Rows first: who still sees one finds the files, or is told that they are gone."""
        kept = await self._records.all()
        gone = forgettable_artifacts(kept, self._clock.now(), self._keep.artifacts_total)
        for some in _batches(gone):
            await self._records.drop(some)
            await asyncio.to_thread(_forget, self._packs, some)
        for some in _batches(await _old_packs(self._packs, self._clock)):
            known = await self._records.known(some)
            await asyncio.to_thread(_forget, self._packs, [id for id in some if id not in known])
        return len(gone)


class Caches:
    """What was not used for long, and the longest unused while all of them take up more than they may."""

    name = "caches"

    def __init__(self, cached: CacheRecords, packs: Packs, keep: Retention, clock: Clock) -> None:
        self._cached = cached
        self._packs = packs
        self._keep = keep
        self._clock = clock

    async def tidy(self) -> int:
        before = self._keep.before(self._keep.caches, self._clock.now())
        gone = to_evict(await self._cached.all(), before, self._keep.caches_total)
        for some in _batches(gone):
            await self._cached.drop(some)
            await asyncio.to_thread(_forget, self._packs, some)
        old = await _old_packs(self._packs, self._clock)
        known = {cache.id for cache in await self._cached.all()}
        await asyncio.to_thread(_forget, self._packs, [id for id in old if id not in known])
        return len(gone)


class FreePages:
    """The last shelf: what the others made free inside the database."""

    name = "pages"

    def __init__(self, past: Past) -> None:
        self._past = past

    async def tidy(self) -> int:
        return await self._past.give_back()


class _Forgetful(Protocol):
    def forget(self, id: str, /) -> None: ...


def _forget(shelf: _Forgetful, ids: Sequence[str]) -> None:
    for id in ids:
        shelf.forget(id)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


async def _old_packs(packs: Packs, clock: Clock) -> Sequence[str]:
    """Ids of those that nobody is about to write a row for."""
    before = clock.now() - ORPHAN_SECONDS
    kept = await asyncio.to_thread(packs.kept)
    return [pack.id for pack in kept if pack.written_at < before]
