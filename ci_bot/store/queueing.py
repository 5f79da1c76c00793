"""Rows of jobs and runs → the line of those that run or are ready, as `core.queueing` reads it; and its answers back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.planned import Concurrency
from ci_bot.core.queueing import (
    Entrant,
    Lane,
    Line,
    Member,
    Spell,
    Wait,
    displaced,
    holds_place,
    since_when,
)
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling, Voucher, outsider
from ci_bot.store.schema import jobs, repositories, runs

AnyRow: TypeAlias = Row[Any] | Row[*tuple[Any, ...]]

_IN_LINE: Final = (Status.READY, Status.RUNNING)
_UNFINISHED: Final = tuple(status for status in Status if not status.is_final)
_VOUCHERS: Final = TypeAdapter(tuple[Voucher, ...])


@dataclass(frozen=True, slots=True)
class StoredLine:
    """`told`: lane → what its ready jobs say by now of what they wait for."""

    line: Line
    told: Mapping[tuple[str, str], set[str]]
    names: Mapping[str, str]  # of repositories, by key


async def read_line(connection: AsyncConnection, now: float) -> StoredLine:
    """Those that wait for their time are not in it yet. One row for each lane, however many cells it has: a flood of jobs is as cheap as a few runs."""
    is_ready = jobs.c.status == Status.READY
    lane = (jobs.c.run_id, jobs.c.family, jobs.c.at_once, *_GROUP_OF_JOBS)
    query = (
        select(
            *lane,
            func.sum(case((is_ready, 1), else_=0)).label("ready"),
            func.sum(case((is_ready, 0), else_=1)).label("running"),
            func.min(case((is_ready, jobs.c.created_at))).label("since"),
            func.min(case((is_ready, jobs.c.position))).label("first"),
            func.min(case((is_ready, jobs.c.waits))).label("told_first"),
            func.max(case((is_ready, jobs.c.waits))).label("told_last"),
        )
        .where(jobs.c.status.in_(_IN_LINE), or_(~is_ready, jobs.c.due_at <= now))
        .group_by(*lane)
    )
    rows = (await connection.execute(query)).all()
    entrants, names = await _entrants(connection)
    return StoredLine(
        Line(tuple(_lane(row) for row in rows), entrants),
        {(row.run_id, row.family): {row.told_first, row.told_last} for row in rows if row.ready},
        names,
    )


_GROUP_OF_JOBS: Final = (jobs.c.slot, jobs.c.slot_limit, jobs.c.slot_cancels)


def _lane(row: AnyRow) -> Lane:
    return Lane(
        run=row.run_id,
        family=row.family,
        ready=int(row.ready),
        running=int(row.running),
        since=row.since or 0.0,
        first=row.first or 0,
        at_once=row.at_once,
        group=_group(row),
    )


def _group(row: AnyRow) -> Concurrency | None:
    return Concurrency(row.slot, row.slot_limit, row.slot_cancels) if row.slot else None


async def _entrants(
    connection: AsyncConnection,
) -> tuple[Mapping[str, Entrant], Mapping[str, str]]:
    in_line = select(jobs.c.run_id).where(jobs.c.status.in_(_IN_LINE))
    query = (
        select(runs, repositories.c.name)
        .join(repositories, runs.c.repo == repositories.c.key)
        .where(runs.c.id.in_(in_line))
    )
    rows = (await connection.execute(query)).all()
    spells = await _spells(connection, [row.id for row in rows if row.slot])
    entrants = {row.id: _entrant(row, spells.get(row.id, ())) for row in rows}
    return entrants, {row.repo: row.name for row in rows}


def _entrant(row: Row[Any], spells: Sequence[Spell]) -> Entrant:
    return Entrant(
        id=row.id,
        repo=row.repo,
        sha=row.sha,
        outsider=_outsider(row),
        group=_group(row),
        since=since_when(spells),
        holds=holds_place(spells),
    )


def _outsider(row: Row[Any]) -> str:
    author = outsider(Ruling(row.ruling), _VOUCHERS.validate_json(row.vouchers))
    return f"{row.repo.split(':')[0]}:{author.id}" if author else ""


async def _spells(connection: AsyncConnection, run_ids: Sequence[str]) -> Mapping[str, list[Spell]]:
    found: defaultdict[str, list[Spell]] = defaultdict(list)
    if not run_ids:
        return found
    query = select(
        jobs.c.run_id, jobs.c.status, jobs.c.created_at, jobs.c.started_at, jobs.c.finished_at
    ).where(jobs.c.run_id.in_(run_ids))
    for row in await connection.execute(query):
        is_final = Status(row.status).is_final
        found[row.run_id].append(Spell(row.created_at, row.started_at, row.finished_at, is_final))
    return found


def ready_in(lane: Lane, now: float) -> tuple[ColumnElement[bool], ...]:
    return (
        jobs.c.run_id == lane.run,
        jobs.c.family == lane.family,
        jobs.c.status == Status.READY,
        jobs.c.due_at <= now,
    )


def untold(stored: StoredLine, waits: Mapping[tuple[str, str], Wait]) -> Mapping[tuple[str, str], str]:
    """Lane → what its ready jobs should say and do not."""
    said = {key: waits[key].why if key in waits else "" for key in stored.told}
    return {key: why for key, why in said.items() if stored.told[key] != {why}}


async def tell(connection: AsyncConnection, said: Mapping[tuple[str, str], str]) -> Sequence[str]:
    """Writes what ready jobs wait for; returns the runs whose reports that changes."""
    for (run, family), why in said.items():
        where = (jobs.c.run_id == run, jobs.c.family == family, jobs.c.status == Status.READY)
        await connection.execute(update(jobs).where(*where).values(waits=why))
    return tuple(dict.fromkeys(run for run, _ in said))


# ── cancel-older ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class MakesWay:
    """Unfinished jobs of one run that end for a newer one. `jobs` None: all of them."""

    run: str
    jobs: frozenset[str] | None  # ids
    why: str


async def who_makes_way(connection: AsyncConnection, run_id: str) -> Sequence[MakesWay]:
    """In the groups of this run, whose newest member says cancel-older."""
    query = select(runs.c.repo, runs.c.slot).where(runs.c.id == run_id)
    run = (await connection.execute(query)).one()
    own = select(jobs.c.slot).where(
        jobs.c.run_id == run_id, jobs.c.slot != "", jobs.c.status.in_(_IN_LINE)
    )
    groups = {*(await connection.execute(own)).scalars(), *([run.slot] if run.slot else [])}
    return [way for group in sorted(groups) for way in await _in_group(connection, run.repo, group)]


async def _in_group(connection: AsyncConnection, repo: str, group: str) -> list[MakesWay]:
    whole = await _whole_runs(connection, repo, group)
    parts = await _parts(connection, repo, group, [member.run for member in whole])
    members = [*whole, *(member for member, _ in parts.values())]
    return [
        MakesWay(member.run, parts[member.run][1] if member.run in parts else None, why)
        for member, why in displaced(members)
    ]


async def _whole_runs(connection: AsyncConnection, repo: str, group: str) -> list[Member]:
    unfinished = select(jobs.c.run_id).where(jobs.c.status.in_(_UNFINISHED))
    query = select(runs).where(runs.c.repo == repo, runs.c.slot == group, runs.c.id.in_(unfinished))
    rows = (await connection.execute(query)).all()
    spells = await _spells(connection, [row.id for row in rows])
    return [
        Member(row.id, row.sha, since_when(spells[row.id]), concurrency)
        for row in rows
        if (concurrency := _group(row)) is not None
    ]


async def _parts(
    connection: AsyncConnection, repo: str, group: str, besides: Sequence[str]
) -> Mapping[str, tuple[Member, frozenset[str]]]:
    """Of runs that are not in the group as a whole: those of their jobs that are, by run."""
    query = (
        select(jobs.c.id, jobs.c.run_id, jobs.c.created_at, *_GROUP_OF_JOBS, runs.c.sha)
        .join(runs, jobs.c.run_id == runs.c.id)
        .where(
            runs.c.repo == repo,
            jobs.c.slot == group,
            jobs.c.status.in_(_IN_LINE),
            jobs.c.run_id.not_in(besides),
        )
        .order_by(jobs.c.created_at, jobs.c.id)
    )
    found: dict[str, tuple[Member, frozenset[str]]] = {}
    for row in await connection.execute(query):
        concurrency = _group(row)
        if concurrency is not None:
            _, ids = found.get(row.run_id, (None, frozenset[str]()))
            member = Member(row.run_id, row.sha, row.created_at, concurrency)
            found[row.run_id] = (member, ids | {row.id})
    return found


# ── the columns that are read above ──────────────────────────────────────────────────────────


def group_columns(concurrency: Concurrency | None) -> dict[str, object]:
    """As runs and jobs have them."""
    if concurrency is None:
        return {"slot": "", "slot_limit": 1, "slot_cancels": False}
    return {
        "slot": concurrency.group,
        "slot_limit": concurrency.limit,
        "slot_cancels": concurrency.cancel_older,
    }
