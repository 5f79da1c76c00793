"""3c. the files of a job: caches and artifacts of others in before its first step, its own out after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from ci_bot.core import caching
from ci_bot.core.caching import Reach, reach
from ci_bot.core.errors import EngineError, EngineGone, PackDamaged, PackRefused, StoreError
from ci_bot.core.extras import CacheUse, Extras, KeptArtifacts
from ci_bot.core.globs import Globs
from ci_bot.core.model import JobRun
from ci_bot.core.outcome import Outcome
from ci_bot.core.planned import Artifacts, Cache, Job
from ci_bot.core.states import Change, Status
from ci_bot.flow.file_reports import reported
from ci_bot.flow.file_sinks import Hashing, Mask, Nameless, Secretless, visible_name
from ci_bot.flow.steps import Cancelling
from ci_bot.ports import (
    ArtifactRecord,
    Caches,
    Claim,
    Clock,
    Ids,
    NewCache,
    Packed,
    Packing,
    PackLimits,
    Packs,
    Session,
    Vault,
)
from ci_bot.ports import Artifacts as ArtifactRecords

_log = structlog.get_logger()

MOST_NOTES: Final = 5


@dataclass(frozen=True, slots=True)
class FileStores:
    """Where files of jobs are kept, and how much of them a job may have."""

    artifacts: Packs
    records: ArtifactRecords
    caches: Packs
    cached: Caches
    artifact_limits: PackLimits
    cache_limits: PackLimits


class JobFiles:
    """Files in and out. Caches fail no job; artifacts do, where a job cannot deliver what it promises."""

    def __init__(
        self,
        stores: FileStores,
        vault: Vault,
        tokens: Callable[[], Sequence[bytes]],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._stores = stores
        self._vault = vault
        self._tokens = tokens
        self._clock = clock
        self._ids = ids

    async def bring(
        self, session: Session, claim: Claim, job: Job, workspace: Path, cancelling: Cancelling
    ) -> tuple[Extras, Outcome | None]:
        """Before the first step: what there is of the job now, and its end where it cannot begin.

        Done again from the start if an earlier process died before the first step began.
        """
        needed = _with_artifacts(claim, job)
        is_begun = any(step.status is not Status.WAITING for step in claim.job.steps)
        if is_begun or not (job.caches or needed):
            return claim.job.extras, None
        # Keys first: they are about the checkout.
        mask = await self._mask(claim)
        keys = [await self._key(session, cache, mask) for cache in job.caches]
        uses = []
        for cache, key in zip(job.caches, keys, strict=True):
            if cancelling.asked.is_set():
                return Extras(), Outcome(Change.CANCEL, cancelling.reason)
            uses.append(await self._restore(claim, cache, key, workspace))
        extras = Extras(caches=tuple(uses))
        if cannot_begin := await self._unpack(needed, workspace):
            return extras, cannot_begin
        if uses:
            await self._stores.records.note(claim.lease, _clean(extras, mask))
        return extras, None

    async def _unpack(self, needed: Sequence[JobRun], workspace: Path) -> Outcome | None:
        """Why the job cannot begin: what it needs is gone, or the disk does not give it."""
        for other in needed:
            try:
                await asyncio.to_thread(
                    self._stores.artifacts.unpack, other.id, workspace, self._stores.artifact_limits
                )
            except (PackRefused, StoreError) as error:
                is_gone = isinstance(error, PackRefused | PackDamaged)
                why = f'the artifacts of job "{other.name}" cannot be had: {error}'
                if is_gone:
                    return Outcome(Change.FAIL, f"{why}; run that job again")
                return Outcome(Change.BREAK, why)
        return None

    async def take(
        self, session: Session, claim: Claim, job: Job, extras: Extras, outcome: Outcome
    ) -> Outcome:
        """After the last step; safe to do again. Returns how the job ends then."""
        if outcome.change is Change.BREAK or not (job.artifacts or job.caches):
            return outcome
        mask = await self._mask(claim)
        if job.artifacts is not None:
            extras = await reported(session, job.artifacts, extras, mask)
        record: ArtifactRecord | None = None
        try:
            if job.artifacts is not None and _are_kept(job.artifacts, outcome):
                kept, record = await self._keep(session, claim, job.artifacts, mask)
                extras = replace(extras, artifacts=kept)
        except (PackRefused, StoreError, EngineError) as error:
            if isinstance(error, EngineGone):
                raise
            outcome, said = _not_kept(outcome, error)
            extras = replace(extras, artifacts=said)
        if outcome.change is Change.SUCCEED:
            extras = await self._save_all(session, claim, job, extras, mask)
        await self._stores.records.note(claim.lease, _clean(extras, mask), record)
        return outcome

    # ── artifacts ────────────────────────────────────────────────────────────────────────────

    async def _keep(
        self, session: Session, claim: Claim, wanted: Artifacts, mask: Mask
    ) -> tuple[KeptArtifacts, ArtifactRecord]:
        globs = Globs.of(wanted.paths)
        packing = self._stores.artifacts.begin(claim.job.id, self._stores.artifact_limits, links=False)
        packed = await _pack(session, globs, packing, mask)
        expires_at = self._clock.now() + wanted.expire
        names = tuple(sorted((visible_name(name), bytes_) for name, bytes_ in packed.names))
        notes = (*_unmatched(wanted.paths, packed), *_left_out(packed, mask))
        kept = KeptArtifacts(packed.files, packed.size, packed.packed, expires_at, notes)
        record = ArtifactRecord(claim.job.id, names, packed.size, packed.packed, expires_at)
        return kept, record

    # ── caches ───────────────────────────────────────────────────────────────────────────────

    async def _key(self, session: Session, cache: Cache, mask: Mask) -> CacheUse:
        """With its hashes; without a key where they cannot be made, or where it would have to be masked."""
        digests = []
        for globs in caching.hashed(cache.key):
            hashing = Hashing()
            try:
                await session.fetch(Globs.of(globs), hashing)
            except EngineGone:
                raise
            except (PackRefused, EngineError) as error:
                return CacheUse("", note=f"hashFiles: {error}")
            digests.append(caching.digest(hashing.files))
        key = caching.filled(cache.key, digests)
        return CacheUse(key) if mask(key) == key else CacheUse("", note="its key holds a secret")

    async def _restore(self, claim: Claim, cache: Cache, use: CacheUse, workspace: Path) -> CacheUse:
        if not use.key:
            return use
        began, branches = self._clock.now(), reach(claim.run).read
        shape, repo = caching.shape(cache.paths), claim.run.repo.key
        found = await self._stores.cached.find(repo, branches, use.key, shape, cache.fallback)
        if found is None:
            return use
        try:
            packed = await asyncio.to_thread(
                self._stores.caches.unpack, found.id, workspace, self._stores.cache_limits
            )
        except (PackRefused, StoreError) as error:  # a half of it may be there: as good as none
            _log.warning("cache not read", cache=found.id, error=str(error))
            if isinstance(error, PackDamaged) or self._stores.caches.size(found.id) is None:
                await self._stores.cached.drop([found.id])  # not for what this checkout alone refuses
            return replace(use, note=f"it could not be read: {error}")
        took = max(0.0, self._clock.now() - began)
        return replace(use, found=found.key, size=packed.packed, seconds=took, worth=found.worth)

    async def _save_all(
        self, session: Session, claim: Claim, job: Job, extras: Extras, mask: Mask
    ) -> Extras:
        if len(extras.caches) != len(job.caches):
            return extras
        within = reach(claim.run)
        uses = [
            await self._save(session, claim, cache, use, within, mask)
            for cache, use in zip(job.caches, extras.caches, strict=True)
        ]
        return replace(extras, caches=tuple(uses))

    async def _save(
        self,
        session: Session,
        claim: Claim,
        cache: Cache,
        use: CacheUse,
        within: Reach,
        mask: Mask,
    ) -> CacheUse:
        """Never fails the job; an exact hit is not written again."""
        if not use.key or use.is_exact or use.written:
            return use
        if not within.write:
            return replace(use, note=within.why_not)
        id, worth = self._ids.new(), self._clock.now() - (claim.job.started_at or self._clock.now())
        packing = self._stores.caches.begin(id, self._stores.cache_limits, links=True)
        try:
            packed = await _pack(session, Globs.of(cache.paths), packing, mask)
            is_new = packed.files > 0 and await self._stores.cached.add(
                NewCache(
                    id=id,
                    repo=claim.run.repo.key,
                    branch=within.write,
                    key=use.key,
                    shape=caching.shape(cache.paths),
                    size=packed.packed,
                    worth=max(0.0, worth),
                )
            )
        except EngineGone:
            raise
        except (PackRefused, StoreError, EngineError) as error:
            _log.warning("cache not written", job=claim.job.id, error=str(error))
            return replace(use, note=f"it was not written: {error}")
        if is_new:
            return replace(use, written=packed.packed)
        await asyncio.to_thread(self._stores.caches.forget, id)
        why = "another job wrote it meanwhile" if packed.files else "its paths matched nothing"
        return replace(use, note=why)

    async def _mask(self, claim: Claim) -> Mask:
        return Mask((*self._tokens(), *await self._vault.values(claim.run)))


def _clean(extras: Extras, mask: Mask) -> Extras:
    """A key of another run may hold what is a secret by now."""
    caches = (replace(use, found=mask(use.found), note=mask(use.note)) for use in extras.caches)
    return replace(extras, caches=tuple(caches))


def _with_artifacts(claim: Claim, job: Job) -> Sequence[JobRun]:
    """The jobs that this one needs and that kept something, in the order of the file."""
    return [
        other
        for other in claim.run.jobs
        if other.family in job.needs and other.extras.artifacts and other.extras.artifacts.files
    ]


def _are_kept(wanted: Artifacts, outcome: Outcome) -> bool:
    return bool(wanted.paths) and (outcome.change is Change.SUCCEED or wanted.always)


def _not_kept(outcome: Outcome, error: Exception) -> tuple[Outcome, KeptArtifacts | None]:
    """What failed already keeps its own reason, and this one stands beside it."""
    if outcome.change is not Change.SUCCEED:
        return outcome, KeptArtifacts(0, 0, 0, 0.0, (f"not kept: {error}",))
    change = Change.FAIL if isinstance(error, PackRefused) else Change.BREAK
    return Outcome(change, f"artifacts: {error}"), None


async def _pack(
    session: Session, globs: Globs, packing: AbstractContextManager[Packing], mask: Mask
) -> Packed:
    with packing as pack:
        sink = Nameless(Secretless(pack, mask.spotter()), mask)
        await session.fetch(globs, sink)
        return await asyncio.to_thread(pack.finish)


def _unmatched(paths: Sequence[str], packed: Packed) -> Sequence[str]:
    """Globs that brought nothing are mostly mistakes."""
    names = [name for name, _ in packed.names]
    idle = [
        path
        for path in paths
        if not path.startswith("!") and not any(map(Globs.of([path]).match, names))
    ]
    return [f"nothing matches {', '.join(idle)}"] if idle else []


def _left_out(packed: Packed, mask: Mask) -> Sequence[str]:
    shown = [f"{mask(visible_name(name))} ({why})" for name, why in packed.left_out[:MOST_NOTES]]
    rest = len(packed.left_out) - len(shown)
    return [f"left out: {', '.join(shown)}{f' and {rest} more' if rest else ''}"] if shown else []
