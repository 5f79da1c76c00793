"""Who may read and write which caches, and what a cache's key becomes. Pure.

A cache belongs to a repository and, in it, to a branch: nothing that a fork or somebody without write access
brought is ever written, so nothing that is trusted reads what is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ci_bot.core.model import Run, RunKind
from ci_bot.core.trust import is_outsiders

#: `${{ hashFiles('a', "b/**") }}`.
HASH_FILES: Final = re.compile(r"""\$\{\{\s*hashFiles\(([^(){}]*)\)\s*\}\}""")
_STRINGS: Final = re.compile(r"""\s*(?:'([^'"]*)'|"([^'"]*)")\s*""")
_HEX: Final = 32  # of a SHA-256: 128 bits


@dataclass(frozen=True, slots=True)
class Reach:
    """Branches whose caches a run reads, the nearest first, and the one that it writes for, "" for none."""

    read: tuple[str, ...]
    write: str = ""
    why_not: str = ""  # in words, where it writes for none


def reach(run: Run) -> Reach:
    """Where it is not known that a head is the repository's own, it counts as a fork's."""
    default, base = run.repo.default_branch, run.base_ref
    if run.pull is not None and not _is_own_pull(run):
        return Reach(
            _each(base, default), why_not="nothing is written for forks, nor by hand for pull requests"
        )
    if is_outsiders(run.ruling, run.vouchers):
        return Reach(
            _each(base, default), why_not="nothing is written where somebody has no write access"
        )
    if run.kind in (RunKind.TAG, RunKind.MERGE_GROUP):
        return Reach(
            _each(base, default), why_not="only branches and pull requests have caches of their own"
        )
    return Reach(_each(run.ref, base, default), run.ref)


def _is_own_pull(run: Run) -> bool:
    """A fork's branch may be called like one of the repository."""
    facts = run.plan.facts if run.plan else None
    return run.kind is RunKind.PULL_REQUEST and facts is not None and not facts.fork


def _each(*branches: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(branch for branch in branches if branch))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


def globs_of(arguments: str) -> tuple[str, ...] | None:
    """What stands between the parentheses of `hashFiles`: quoted globs; None for anything else."""
    found = [_STRINGS.fullmatch(part) for part in arguments.split(",")]
    if not all(found):
        return None
    return tuple((each[1] if each[1] is not None else each[2]) for each in found if each)


def hashed(key: str) -> Sequence[tuple[str, ...]]:
    """The globs of each `hashFiles` in a key, in order."""
    return [globs_of(found[1]) or () for found in HASH_FILES.finditer(key)]


def filled(key: str, digests: Iterable[str]) -> str:
    """The key with a digest for each `hashFiles`, in order."""
    left = iter(digests)
    return HASH_FILES.sub(lambda _: next(left), key)


def digest(files: Iterable[tuple[str, str]]) -> str:
    """(path, digest of the content) of each file, in any order → one digest of them all."""
    whole = sha256()
    for path, content in sorted(files):
        whole.update(f"{path}\0{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()[:_HEX]


def shape(paths: Sequence[str]) -> str:
    """Caches of other paths are other caches, whatever their key."""
    return sha256("\n".join(sorted(paths)).encode()).hexdigest()[:_HEX]


# ── what goes ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class StoredCache:
    """One blob of the store, and when it was read or written last."""

    id: str
    size: int
    used_at: float


def to_evict(caches: Iterable[StoredCache], before: float | None, total: int) -> tuple[str, ...]:
    """Ids of those not used since `before` (None: no bound), then of those that were not used for longest,
    until the rest fits into `total` bytes (0: no bound)."""
    oldest_first = sorted(caches, key=lambda cache: (cache.used_at, cache.id))
    left, gone = sum(cache.size for cache in oldest_first), []
    for cache in oldest_first:
        is_old = before is not None and cache.used_at < before
        if not is_old and not (total and left > total):
            break
        gone.append(cache.id)
        left -= cache.size
    return tuple(gone)
