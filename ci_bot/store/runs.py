"""Jobs under lease: claimed, renewed, carried to their end. Implements `ports.Runs`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Row, Text, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.errors import LeaseLost, UnreadableRun
from ci_bot.core.model import JobRun, Run, Usage
from ci_bot.core.queueing import UNBOUNDED, Allowance, Lane, next_lane, started, waits
from ci_bot.core.retrying import again
from ci_bot.core.states import Change, Status, job_after, step_after
from ci_bot.ports import Claim, Clock, Ids, Lease
from ci_bot.store.approvals import hold_run
from ci_bot.store.database import Database
from ci_bot.store.jobs import end_job, settle_run
from ci_bot.store.queueing import StoredLine, read_line, ready_in, tell, untold
from ci_bot.store.rows import find_run, insert_attempts, load_run, load_runs
from ci_bot.store.schema import jobs, runs, steps
from ci_bot.store.subjects import mark_run
from ci_bot.store.turns import note_turns

_log = structlog.get_logger()


# Statements that are made once: to make one takes longer than to run it.
_HELD: Final = (
    jobs.c.id == bindparam("job_id"),
    jobs.c.epoch == bindparam("in_epoch"),
    jobs.c.holder == bindparam("by"),
    jobs.c.status == Status.RUNNING,
)
_GUARDED: Final = select(jobs).where(*_HELD)
_RENEW: Final = (
    update(jobs).where(*_HELD).values(lease_until=bindparam("until")).returning(jobs.c.cancel_reason)
)
_ONE_READY: Final = (
    select(jobs.c.id).where(jobs.c.status == Status.READY, jobs.c.due_at <= bindparam("now")).limit(1)
)
_NEXT_DUE: Final = select(func.min(jobs.c.due_at)).where(
    jobs.c.status == Status.READY, jobs.c.due_at > bindparam("now")
)
#: The instance is compared as it is: to LIKE, some of its letters might be wildcards.
_LEFT_BEHIND: Final = (
    select(jobs)
    .where(
        jobs.c.status == Status.RUNNING,
        or_(
            jobs.c.lease_until < bindparam("now"),
            and_(
                jobs.c.holder != bindparam("by"),
                func.substr(jobs.c.holder, 1, func.length(bindparam("instance", type_=Text)))
                == bindparam("instance", type_=Text),
            ),
        ),
        jobs.c.id.not_in(bindparam("held", expanding=True)),
    )
    .order_by(jobs.c.created_at, jobs.c.id)
    .limit(1)
)
_ONE_STEP: Final = select(steps).where(
    steps.c.job_id == bindparam("job_id"), steps.c.position == bindparam("index")
)


class RunStore:
    """Every write under a lease names its epoch; zero rows changed means that the lease is lost."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        allowance: Allowance = UNBOUNDED,
        infrastructure_retries: int = 0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._allowance = allowance
        self._infrastructure_retries = infrastructure_retries

    async def run(self, run_id: str) -> Run | None:
        async with self._database.read() as connection:
            return await find_run(connection, run_id)

    async def attempts(self, run_id: str) -> Sequence[JobRun]:
        async with self._database.read() as connection:
            found = await find_run(connection, run_id, latest_only=False)
        return found.jobs if found else ()

    async def recent(self, limit: int) -> Sequence[Run]:
        """The newest runs, newest first."""
        newest = select(runs.c.id).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            found = await load_runs(connection, runs.c.id.in_(newest))
        return found[::-1]

    async def claim(
        self, holder: str, seconds: float, held: Collection[str] = (), only_left: bool = False
    ) -> Claim | None:
        async with self._database.read() as connection:  # mostly nothing is ready: then no writer waits
            if not await self._has_work(connection, holder, held, only_left):
                return None
        try:
            return await self._claim(holder, seconds, held, only_left)
        except UnreadableRun as error:
            await self._set_aside(error)
            return await self.claim(holder, seconds, held, only_left)

    async def _claim(
        self, holder: str, seconds: float, held: Collection[str], only_left: bool
    ) -> Claim | None:
        now = self._clock.now()
        async with self._database.write() as connection:
            row = await _left_behind(connection, holder, held, now)
            if row is None and not only_left:
                row = await self._next_ready(connection, now)
            if row is None:
                return None
            is_adopted = Status(row.status) is Status.RUNNING
            lease = Lease(row.id, holder, row.epoch + 1)
            values: dict[str, object] = {
                "holder": holder,
                "epoch": lease.epoch,
                "lease_until": now + seconds,
            }
            if not is_adopted:
                started_as = job_after(Status(row.status), Change.START)
                values |= {"status": started_as, "started_at": now, "waits": ""}
            await connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
            await mark_run(connection, row.run_id, now)
            run = await load_run(connection, row.run_id)
            # Perhaps an earlier attempt: one that is being cancelled while the next one waits already.
            whole = await load_run(connection, row.run_id, latest_only=False)
        job = next(job for job in whole.jobs if job.id == lease.job_id)
        return Claim(lease, run, job, is_adopted, row.cancel_reason)

    async def _has_work(
        self, connection: AsyncConnection, holder: str, held: Collection[str], only_left: bool
    ) -> bool:
        if await _left_behind(connection, holder, held, self._clock.now()) is not None:
            return True
        if only_left or not await _is_one_ready(connection, self._clock.now()):
            return False
        stored = await read_line(connection, self._clock.now())
        lane, said = self._chosen(stored)
        return lane is not None or bool(said)

    async def _next_ready(self, connection: AsyncConnection, now: float) -> Row[Any] | None:
        """The job that starts now; what the others wait for is written down beside."""
        lane, said = self._chosen(await read_line(connection, now))
        for run_id in await tell(connection, said):
            await mark_run(connection, run_id, now)
        if lane is None:
            return None
        query = select(jobs).where(*ready_in(lane, now)).order_by(jobs.c.created_at, jobs.c.position)
        return (await connection.execute(query.limit(1))).one()

    async def next_due(self) -> float | None:
        async with self._database.read() as connection:
            found = await connection.execute(_NEXT_DUE, {"now": self._clock.now()})
            due: float | None = found.scalar_one()
            return due

    def _chosen(self, stored: StoredLine) -> tuple[Lane | None, Mapping[tuple[str, str], str]]:
        lane = next_lane(stored.line, self._allowance)
        after = started(stored.line, lane) if lane else stored.line
        return lane, untold(stored, waits(after, self._allowance))

    async def _set_aside(self, error: UnreadableRun) -> None:
        """One run that cannot be read must not keep a worker from all others."""
        _log.error("run set aside", run=error.run_id, error=str(error))
        unfinished = [status for status in Status if not status.is_final]
        async with self._database.write() as connection:
            await connection.execute(
                update(jobs)
                .where(jobs.c.run_id == error.run_id, jobs.c.status.in_(unfinished))
                .values(status=Status.BROKEN, reason=str(error), finished_at=self._clock.now())
            )

    async def renew(self, leases: Collection[Lease], seconds: float) -> Mapping[str, str]:
        until = self._clock.now() + seconds
        cancelled = {}
        async with self._database.write() as connection:
            for lease in leases:
                row = (
                    await connection.execute(_RENEW, {**_names(lease), "until": until})
                ).one_or_none()
                if row is not None and row.cancel_reason:
                    cancelled[lease.job_id] = row.cancel_reason
        return cancelled

    async def start_step(self, lease: Lease, step: int) -> int:
        now = self._clock.now()
        async with self._database.write() as connection:
            job = await _guard(connection, lease)
            row = await _step(connection, lease.job_id, step)
            await connection.execute(
                update(steps)
                .where(steps.c.job_id == lease.job_id, steps.c.position == step)
                .values(
                    status=step_after(Status(row.status), Change.START),
                    generation=row.generation + 1,
                    started_at=now,
                )
            )
            await mark_run(connection, job.run_id, now)
        return int(row.generation) + 1

    async def end_step(
        self,
        lease: Lease,
        step: int,
        change: Change,
        reason: str,
        exit_code: int | None,
        log_bytes: int,
        usage: Usage | None = None,
    ) -> None:
        now = self._clock.now()
        async with self._database.write() as connection:
            job = await _guard(connection, lease)
            row = await _step(connection, lease.job_id, step)
            await connection.execute(
                update(steps)
                .where(steps.c.job_id == lease.job_id, steps.c.position == step)
                .values(
                    status=step_after(Status(row.status), change),
                    reason=reason,
                    exit_code=exit_code,
                    log_bytes=log_bytes,
                    memory_bytes=usage and usage.memory,
                    cpu_seconds=usage and usage.cpu,
                    finished_at=now,
                )
            )
            await mark_run(connection, job.run_id, now)

    async def end_job(
        self, lease: Lease, change: Change, reason: str, *, may_pass: bool = True
    ) -> None:
        now = self._clock.now()
        async with self._database.write() as connection:
            row = await _guard(connection, lease)
            await end_job(connection, _bare(row), change, reason, now)
            if change is not Change.SUCCEED and not row.cancel_reason:
                await self._try_again(connection, row, now, may_pass=may_pass)
            await settle_run(connection, row.run_id, now)
            await mark_run(connection, row.run_id, now)
            await note_turns(connection, row.run_id, now)

    async def _try_again(
        self, connection: AsyncConnection, row: Row[Any], now: float, *, may_pass: bool
    ) -> None:
        """A new attempt of a job that has just ended, if it gets one; what needs it waits on."""
        run = await load_run(connection, row.run_id)
        job = next((job for job in run.jobs if job.id == row.id), None)
        if job is None or run.superseded or run.plan is None:  # None: somebody asked for it anew
            return
        retry = next(each.retry for each in run.plan.jobs if each.id == job.key)
        new = again(job, retry, self._infrastructure_retries, may_pass=may_pass)
        if new is not None:
            attempts = [(self._ids.new(), job.key, job.attempt + 1)]
            due_at = now + new.pause if new.pause else 0.0
            await insert_attempts(connection, run.id, run.plan, attempts, now, new.cause, due_at)

    async def hold(self, lease: Lease, reason: str) -> None:
        now = self._clock.now()
        async with self._database.write() as connection:
            row = await _guard(connection, lease)
            await end_job(connection, _bare(row), Change.CANCEL, reason, now)
            run = await load_run(connection, row.run_id)
            await hold_run(connection, run, reason, now)
            await settle_run(connection, row.run_id, now)
            await mark_run(connection, row.run_id, now)

    async def publish_again(self, run_id: str) -> None:
        """What the forge shows of a run is out of date: its links are other ones now."""
        async with self._database.write() as connection:
            await mark_run(connection, run_id, self._clock.now())

    async def alive(self, holder: str) -> Collection[str]:
        mine = or_(
            jobs.c.holder == holder, jobs.c.holder.startswith(_instance(holder), autoescape=True)
        )
        query = select(jobs.c.id).where(jobs.c.status == Status.RUNNING, mine)
        async with self._database.read() as connection:
            return frozenset((await connection.execute(query)).scalars())


def _instance(holder: str) -> str:
    """ "name/process" → "name/": a holder is a process of an instance that outlives it."""
    return holder.split("/", 1)[0] + "/"


async def _is_one_ready(connection: AsyncConnection, now: float) -> bool:
    return (await connection.execute(_ONE_READY, {"now": now})).first() is not None


async def _left_behind(
    connection: AsyncConnection, holder: str, held: Collection[str], now: float
) -> Row[Any] | None:
    """By an earlier process of this instance, or by any, the lease run out."""
    values = {
        "now": now,
        "by": holder,
        "instance": _instance(holder),
        "held": tuple(held),
    }
    return (await connection.execute(_LEFT_BEHIND, values)).one_or_none()


def _names(lease: Lease) -> dict[str, object]:
    """What `_HELD` asks for."""
    return {"job_id": lease.job_id, "in_epoch": lease.epoch, "by": lease.holder}


async def _guard(connection: AsyncConnection, lease: Lease) -> Row[Any]:
    """The job's row, which nobody else changes in this transaction. Raises `LeaseLost`."""
    row = (await connection.execute(_GUARDED, _names(lease))).one_or_none()
    if row is None:
        raise LeaseLost(f"job {lease.job_id} is held by another process since epoch {lease.epoch}")
    return row


async def _step(connection: AsyncConnection, job_id: str, index: int) -> Row[Any]:
    return (await connection.execute(_ONE_STEP, {"job_id": job_id, "index": index})).one()


def _bare(row: Row[Any]) -> JobRun:
    return JobRun(row.id, row.run_id, row.key, row.key, row.attempt, Status(row.status), ())
