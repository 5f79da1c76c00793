"""Between rows and the values of `ci_bot.core`: reading whole runs, writing their parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, Select, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import NewRun
from ci_bot.core.errors import UnreadableRun
from ci_bot.core.events import Actor, Repo
from ci_bot.core.extras import NO_EXTRAS, Extras
from ci_bot.core.model import (
    Cause,
    Earlier,
    Inspection,
    JobRun,
    Problem,
    Run,
    RunKind,
    StepRun,
    Usage,
    Verdict,
)
from ci_bot.core.planned import Job, Plan
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling, Voucher
from ci_bot.store.queueing import group_columns
from ci_bot.store.schema import jobs, repositories, runs, steps

_PLAN = TypeAdapter(Plan)
_PROBLEMS = TypeAdapter(tuple[Problem, ...])
_ACTOR = TypeAdapter(Actor)
_VOUCHERS = TypeAdapter(tuple[Voucher, ...])
_INSPECTION = TypeAdapter(Inspection)
_EXTRAS = TypeAdapter(Extras)
ARGUMENTS: Final = 30_000  # PostgreSQL takes 32,767 in one query, some builds of SQLite 32,766
_EMPTY_PLAN = Plan("", ())

#: What `repo_of` reads of a row.
REPO_COLUMNS = (
    repositories.c.forge,
    repositories.c.forge_id,
    repositories.c.name,
    repositories.c.default_branch,
    repositories.c.private,
    repositories.c.tenant,
)


def repo_of(row: Row[Any] | Row[*tuple[Any, ...]]) -> Repo:
    return Repo(
        forge=row.forge,
        id=row.forge_id,
        name=row.name,
        default_branch=row.default_branch,
        private=row.private,
        tenant=row.tenant,
    )


#: Statements that are made once: to make one takes longer than to run it.
_RUNS: Final = (
    select(runs, *REPO_COLUMNS)
    .join(repositories, runs.c.repo == repositories.c.key)
    .order_by(runs.c.created_at, runs.c.id)
)
_BY_ID: Final = _RUNS.where(runs.c.id == bindparam("run_id"))
_OF_COMMIT: Final = _RUNS.where(runs.c.repo == bindparam("repo"), runs.c.sha == bindparam("sha"))
_OF_PULL: Final = _RUNS.where(runs.c.repo == bindparam("repo"), runs.c.pull == bindparam("pull"))
_JOBS: Final = (
    select(jobs)
    .where(jobs.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(jobs.c.position, jobs.c.run_id, jobs.c.attempt)
)
_STEPS: Final = (
    select(steps)
    .where(steps.c.job_id.in_(bindparam("job_ids", expanding=True)))
    .order_by(steps.c.job_id, steps.c.position)
)


async def find_run(connection: AsyncConnection, run_id: str, *, latest_only: bool = True) -> Run | None:
    """With its repository and the latest attempt of each job (or all)."""
    found = await _load(connection, _BY_ID, {"run_id": run_id}, latest_only)
    return found[0] if found else None


async def load_run(connection: AsyncConnection, run_id: str, *, latest_only: bool = True) -> Run:
    """The same, of a run that is there, since a row of this transaction names it."""
    (run,) = await _load(connection, _BY_ID, {"run_id": run_id}, latest_only)
    return run


async def load_runs_of_commit(connection: AsyncConnection, repo: str, sha: str) -> list[Run]:
    """Oldest first."""
    return await _load(connection, _OF_COMMIT, {"repo": repo, "sha": sha})


async def load_runs_of_pull(connection: AsyncConnection, repo: str, pull: int) -> list[Run]:
    """Oldest first."""
    return await _load(connection, _OF_PULL, {"repo": repo, "pull": pull})


async def load_runs(connection: AsyncConnection, *where: ColumnElement[bool]) -> list[Run]:
    """Oldest first."""
    return await _load(connection, _RUNS.where(*where), {})


async def _load(
    connection: AsyncConnection,
    query: Select[*tuple[Any, ...]],
    values: Mapping[str, object],
    latest_only: bool = True,
) -> list[Run]:
    rows = (await connection.execute(query, values)).all()
    if not rows:
        return []
    attempts = await _load_jobs(connection, [row.id for row in rows], latest_only)
    return [_readable(row, attempts[row.id]) for row in rows]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The rows of one attempt of a job."""

    job: Row[Any]
    before: tuple[Row[Any], ...]  # those that ci-bot followed by another one by itself
    steps: Sequence[Row[Any]]


def _readable(row: Row[Any], attempts: Sequence[_Attempt]) -> Run:
    try:
        return _run(row, attempts)
    except (ValueError, LookupError, StopIteration) as error:  # pydantic's error is a ValueError
        raise UnreadableRun(row.id, str(error).split("\n", 1)[0]) from error


def _run(row: Row[Any], attempts: Sequence[_Attempt]) -> Run:
    plan = _PLAN.validate_json(row.plan) if row.plan else None
    planned = {job.id: job for job in plan.jobs} if plan else {}
    return Run(
        id=row.id,
        key=row.key,
        repo=repo_of(row),
        kind=RunKind(row.kind),
        ref=row.ref,
        sha=row.sha,
        verdict=Verdict(row.verdict),
        actor=_ACTOR.validate_json(row.actor),
        created_at=row.created_at,
        pull=row.pull,
        title=row.title,
        base_ref=row.base_ref,
        base_sha=row.base_sha,
        reason=row.reason,
        problems=_PROBLEMS.validate_json(row.problems),
        plan=plan,
        superseded=row.superseded,
        ruling=Ruling(row.ruling),
        vouchers=_VOUCHERS.validate_json(row.vouchers),
        head_at=row.head_at,
        inspection=_INSPECTION.validate_json(row.inspection) if row.inspection else None,
        jobs=tuple(_job(attempt, planned[attempt.job.key]) for attempt in attempts),
    )


def _job(attempt: _Attempt, planned: Job) -> JobRun:
    row = attempt.job
    return JobRun(
        id=row.id,
        run_id=row.run_id,
        key=row.key,
        name=planned.name,
        attempt=row.attempt,
        status=Status(row.status),
        needs=planned.needs,
        group=planned.group,
        optional=planned.optional,
        tolerated=planned.allow_failure,
        excluded=row.excluded,
        waits=row.waits,
        extras=_EXTRAS.validate_json(row.extras) if row.extras else NO_EXTRAS,
        cause=Cause(row.cause),
        earlier=tuple(_earlier(before) for before in attempt.before),
        retries=planned.retry.limit if planned.retry else 0,
        due_at=row.due_at,
        reason=row.reason,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        steps=tuple(
            StepRun(
                index=step.position,
                name=wanted.name,
                status=Status(step.status),
                generation=step.generation,
                exit_code=step.exit_code,
                reason=step.reason,
                started_at=step.started_at,
                finished_at=step.finished_at,
                log_bytes=step.log_bytes,
                tolerated=wanted.continue_on_error,
                line=wanted.line,
                usage=_usage(step),
            )
            for step, wanted in zip(attempt.steps, planned.steps, strict=True)
        ),
    )


def _earlier(row: Row[Any]) -> Earlier:
    return Earlier(row.attempt, Cause(row.cause), Status(row.status), row.reason, row.created_at)


def _usage(row: Row[Any]) -> Usage | None:
    if row.memory_bytes is None and row.cpu_seconds is None:
        return None
    return Usage(row.memory_bytes, row.cpu_seconds)


async def _load_jobs(
    connection: AsyncConnection, run_ids: Sequence[str], latest_only: bool
) -> defaultdict[str, list[_Attempt]]:
    wanted: dict[tuple[str, str, int], Row[Any]] = {}
    before: dict[str, tuple[Row[Any], ...]] = {}
    for some in _batches(run_ids):
        last: Row[Any] | None = None
        for row in await connection.execute(_JOBS, {"run_ids": some}):
            wanted[row.run_id, row.key, 0 if latest_only else row.attempt] = row
            before[row.id] = (*before[last.id], last) if last and _follows(row, last) else ()
            last = row
    its_steps: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for some in _batches([row.id for row in wanted.values()]):
        for row in await connection.execute(_STEPS, {"job_ids": some}):
            its_steps[row.job_id].append(row)
    found: defaultdict[str, list[_Attempt]] = defaultdict(list)
    for row in wanted.values():
        found[row.run_id].append(_Attempt(row, before[row.id], its_steps[row.id]))
    return found


def _follows(row: Row[Any], last: Row[Any]) -> bool:
    """Whether an attempt was made by ci-bot itself because of how the one before it ended."""
    is_same_job = (row.run_id, row.key) == (last.run_id, last.key)
    return is_same_job and Cause(row.cause).is_automatic


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + ARGUMENTS] for start in range(0, len(ids), ARGUMENTS))


async def insert_run(connection: AsyncConnection, id: str, new: NewRun, now: float) -> None:
    await connection.execute(
        insert(runs).values(
            id=id,
            key=new.key,
            repo=new.repo.key,
            kind=new.kind,
            ref=new.ref,
            sha=new.sha,
            pull=new.pull,
            actor=_ACTOR.dump_json(new.actor).decode(),
            title=new.title,
            base_ref=new.base_ref,
            base_sha=new.base_sha,
            superseded=False,
            head_at=new.head_at,
            created_at=now,
            **judged_columns(new),
        )
    )


def judged_columns(new: NewRun) -> dict[str, object]:
    """What was decided about the head."""
    return {
        "verdict": new.verdict,
        "reason": new.reason,
        "problems": _PROBLEMS.dump_json(new.problems).decode(),
        "plan": _PLAN.dump_json(new.plan, exclude_defaults=True).decode() if new.plan else None,
        "ruling": new.ruling,
        "vouchers": vouchers_text(new.vouchers),
        "inspection": _INSPECTION.dump_json(new.inspection).decode() if new.inspection else None,
        **group_columns(new.plan.concurrency if new.plan else None),
    }


def vouchers_text(vouchers: tuple[Voucher, ...]) -> str:
    return _VOUCHERS.dump_json(vouchers).decode()


async def insert_attempts(
    connection: AsyncConnection,
    run_id: str,
    plan: Plan,
    attempts: Iterable[tuple[str, str, int]],
    now: float,
    cause: Cause,
    due_at: float = 0.0,
) -> None:
    """Writes new attempts as waiting; each is (id, job key, attempt)."""
    by_key = {job.id: (position, job) for position, job in enumerate(plan.jobs)}
    for id, key, attempt in attempts:
        position, job = by_key[key]
        await connection.execute(
            insert(jobs).values(
                id=id,
                run_id=run_id,
                key=key,
                attempt=attempt,
                position=position,
                status=Status.WAITING,
                created_at=now,
                family=job.family,
                at_once=job.max_parallel,
                **group_columns(job.concurrency),
                cause=cause,
                due_at=due_at,
            )
        )
        await connection.execute(
            insert(steps),
            [
                {"job_id": id, "position": index, "status": Status.WAITING}
                for index in range(len(job.steps))
            ],
        )
