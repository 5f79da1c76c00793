"""Caches, tests, coverage and artifacts of a job in the words that people read, one line each, without markup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ci_bot.core.cobertura import covered
from ci_bot.core.extras import CacheUse, KeptArtifacts
from ci_bot.core.junit import counted
from ci_bot.core.model import JobRun
from ci_bot.core.words import count, duration, size

LEAST_SAVED: Final = 1.0  # seconds: less is noise


def lines(job: JobRun) -> tuple[str, ...]:
    """Everything, in the order in which it happened."""
    extras = job.extras
    shown = [cache_line(use, job) for use in extras.caches]
    if extras.tests is not None:
        shown += (
            [counted(extras.tests), *extras.tests.notes] if extras.tests.total else extras.tests.notes
        )
    if extras.coverage is not None:
        shown += [f"coverage: {covered(extras.coverage)}", *extras.coverage.notes]
    if extras.artifacts is not None:
        shown += [f"artifacts: {artifact_words(extras.artifacts)}", *extras.artifacts.notes]
    return tuple(shown)


def cache_line(use: CacheUse, job: JobRun) -> str:
    """'cache "npm-1f": hit, 12.3 MB in 0.4 s, 2 min 5 s saved'."""
    parts = [_found(use, job)]
    parts += [f"written, {size(use.written)}"] if use.written else []
    parts += [use.note] if use.note else []
    name = f'cache "{use.key}"' if use.key else "cache"
    return f"{name}: {'; '.join(parts)}"


def _found(use: CacheUse, job: JobRun) -> str:
    if not use.found:
        return "miss" if use.key else "not used"
    what = "hit" if use.is_exact else f'"{use.found}"'
    return f"{what}, {size(use.size)} in {duration(use.seconds)}{_saved(use, job)}"


def _saved(use: CacheUse, job: JobRun) -> str:
    """Against the job that made the cache, which had none."""
    if not use.worth or job.started_at is None or job.finished_at is None:
        return ""
    saved = use.worth - (job.finished_at - job.started_at)
    return f", {duration(saved)} saved" if saved >= LEAST_SAVED else ""


def artifact_words(kept: KeptArtifacts) -> str:
    """ "3 files, 1.2 MB, until 2026-12-27"."""
    if not kept.files:
        return "none"
    until = datetime.fromtimestamp(kept.expires_at, UTC)
    return f"{count(kept.files, 'file')}, {size(kept.size)}, until {until:%Y-%m-%d}"
