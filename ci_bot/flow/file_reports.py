"""The reports that a job's tools wrote → what they say, masked. Never fails anything: problems become notes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ci_bot.core.cobertura import read_coverage
from ci_bot.core.errors import EngineError, EngineGone, PackRefused
from ci_bot.core.extras import Coverage, Extras, TestCounts
from ci_bot.core.globs import Globs
from ci_bot.core.junit import read_reports
from ci_bot.core.planned import Artifacts
from ci_bot.flow.file_sinks import Mask, Reports
from ci_bot.ports import Session

Read = Sequence[tuple[str, bytes]]
Found = TypeVar("Found", TestCounts, Coverage)


async def reported(session: Session, wanted: Artifacts, extras: Extras, mask: Mask) -> Extras:
    """The extras with what is in the workspace now. Raises `EngineGone` alone."""
    tests = await _found(session, wanted.junit, read_reports, TestCounts())
    coverage = await _found(session, wanted.coverage, read_coverage, Coverage())
    return replace(
        extras,
        tests=tests and _masked_counts(tests, mask),
        coverage=coverage and _masked(coverage, mask),
    )


async def _found(
    session: Session, paths: Sequence[str], read: Callable[[Read], Found], empty: Found
) -> Found | None:
    if not paths:
        return None
    reports = Reports()
    try:
        await session.fetch(Globs.of(paths), reports)
    except EngineGone:
        raise
    except (PackRefused, EngineError) as error:
        return replace(empty, notes=(f"the reports cannot be had: {error}",))
    if not reports.found:
        return replace(empty, notes=(f"no report matches {', '.join(paths)}",))
    return await asyncio.to_thread(read, reports.found)


def _masked_counts(counts: TestCounts, mask: Mask) -> TestCounts:
    failures = tuple(
        replace(each, name=mask(each.name), message=mask(each.message), file=mask(each.file))
        for each in counts.failures
    )
    return replace(_masked(counts, mask), failures=failures)


def _masked(found: Found, mask: Mask) -> Found:
    return replace(found, notes=tuple(map(mask, found.notes)))
