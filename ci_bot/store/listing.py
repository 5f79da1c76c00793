"""Runs to be looked through: filters and where the last page ended in, the next page out. Implements `ports.RunList`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.errors import UnreadableRun
from ci_bot.core.events import Repo
from ci_bot.core.model import Run, Verdict
from ci_bot.core.standing import BY_FOLD, BY_VERDICT, Standing
from ci_bot.core.states import WORST_FIRST, Status
from ci_bot.ports import RunFilter, RunPage
from ci_bot.store.database import Database
from ci_bot.store.rows import REPO_COLUMNS, load_runs, repo_of
from ci_bot.store.schema import jobs, repositories, runs

_log = structlog.get_logger()

_UNFINISHED: Final = [status for status in Status if not status.is_final]
_ENDED: Final = [status for status in Status if status.is_final]
_AFTER_HEX: Final = "g"  # sorts behind every digit of a sha


class RunListStore:
    """Ids are made in the order of time, so they are the order of pages, and nothing is skipped over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: RunFilter, limit: int, before: str = "") -> RunPage:
        async with self._database.read() as connection:
            query = _chosen(wanted, before).order_by(runs.c.id.desc()).limit(limit + 1)
            ids = [row.id for row in await connection.execute(query)]
            found = await _readable(connection, ids[:limit])
        return RunPage(tuple(found), ids[limit - 1] if len(ids) > limit else "")

    async def find(self, run_id: str, repos: Collection[str]) -> Run | None:
        async with self._database.read() as connection:
            found = await load_runs(connection, runs.c.id == run_id, runs.c.repo.in_(repos))
        return found[0] if found else None

    async def repo(self, name: str, forge: str = "") -> Repo | None:
        query = (
            select(*REPO_COLUMNS)
            .where(func.lower(repositories.c.name) == name.lower(), ~repositories.c.gone)
            .order_by(repositories.c.first_seen.desc())
        )
        if forge:
            query = query.where(repositories.c.forge == forge)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else repo_of(row)


def _chosen(wanted: RunFilter, before: str) -> Select[tuple[str]]:
    where: list[ColumnElement[bool]] = []
    if wanted.repos is not None:
        where.append(runs.c.repo.in_(wanted.repos))
    if before:
        where.append(runs.c.id < before)
    if wanted.branch:
        where.append(runs.c.ref == wanted.branch)
    if wanted.sha:
        where.append(and_(runs.c.sha >= wanted.sha, runs.c.sha < wanted.sha + _AFTER_HEX))
    if wanted.pull is not None:
        where.append(runs.c.pull == wanted.pull)
    if wanted.kinds:
        where.append(runs.c.kind.in_(wanted.kinds))
    if wanted.standings:
        where.append(or_(*(_stands(each) for each in dict.fromkeys(wanted.standings))))
    return select(runs.c.id).where(*where)


async def _readable(connection: AsyncConnection, ids: Sequence[str]) -> list[Run]:
    """Newest first. What another version stored, or what is damaged, must not hide the others."""
    left = list(ids)
    while left:
        try:
            found = await load_runs(connection, runs.c.id.in_(left))
        except UnreadableRun as error:
            _log.warning("a run is left out of a list", run=error.run_id, error=str(error))
            left.remove(error.run_id)
            continue
        return sorted(found, key=lambda run: run.id, reverse=True)
    return []


# ── core.standing, as conditions on rows ─────────────────────────────────────────────────────


def _stands(wanted: Standing) -> ColumnElement[bool]:
    return or_(_by_verdict(wanted), and_(runs.c.verdict == Verdict.PLANNED, _by_jobs(wanted)))


def _by_verdict(wanted: Standing) -> ColumnElement[bool]:
    verdicts = [verdict for verdict, found in BY_VERDICT.items() if found is wanted]
    named = runs.c.verdict.in_(verdicts)
    is_over = and_(runs.c.verdict == Verdict.HELD, runs.c.superseded)
    if wanted is Standing.CANCELLED:
        return or_(named, is_over)
    return and_(named, ~runs.c.superseded) if wanted is Standing.HELD else named


def _by_jobs(wanted: Standing) -> ColumnElement[bool]:
    """As `fold` and `standing` do; a test compares the two over every mixture."""
    is_going, has_begun = _has(_UNFINISHED), _has([Status.RUNNING, *_ENDED])
    match wanted:
        case Standing.HELD:
            return runs.c.verdict.in_([])
        case Standing.QUEUED:
            return and_(is_going, not_(has_begun))
        case Standing.RUNNING:
            return and_(is_going, has_begun)
        case Standing.SUCCEEDED:
            return and_(_has([Status.SUCCEEDED]), not_(_has([*_UNFINISHED, *_BAD])))
        case Standing.SKIPPED:
            return and_(_has([Status.SKIPPED]), not_(_has(_all_but(Status.SKIPPED))))
        case _:
            return _is_worst(wanted)


_BAD: Final = [s for s in WORST_FIRST if s not in (Status.SKIPPED, Status.SUCCEEDED)]


def _is_worst(wanted: Standing) -> ColumnElement[bool]:
    status = next(status for status, found in BY_FOLD.items() if found is wanted)
    worse = WORST_FIRST[: WORST_FIRST.index(status)]
    is_so = and_(_has([status]), not_(_has([*_UNFINISHED, *worse])))
    return or_(is_so, not_(_has(list(Status)))) if wanted is Standing.FAILED else is_so


def _all_but(status: Status) -> list[Status]:
    return [each for each in Status if each is not status]


def _has(statuses: Sequence[Status]) -> ColumnElement[bool]:
    """Whether the latest attempt of some job of the run has one of these."""
    later = jobs.alias()
    is_old = exists().where(
        later.c.run_id == jobs.c.run_id, later.c.key == jobs.c.key, later.c.attempt > jobs.c.attempt
    )
    return (
        exists().where(jobs.c.run_id == runs.c.id, jobs.c.status.in_(statuses), ~is_old).correlate(runs)
    )
