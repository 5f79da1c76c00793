"""Changes of jobs and steps that several transactions share; the table of states decides each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.graph import ended_early, settle
from ci_bot.core.model import JobRun
from ci_bot.core.states import Change, Status, job_after, step_after
from ci_bot.store.queueing import who_makes_way
from ci_bot.store.rows import load_run
from ci_bot.store.schema import jobs, steps
from ci_bot.store.subjects import mark_run
from ci_bot.store.turns import note_turns


async def settle_run(connection: AsyncConnection, run_id: str, now: float) -> None:
    """Releases and skips the waiting jobs of a run as their needs allow; ends what fail-fast and
    cancel-older end, in other runs as well."""
    run = await load_run(connection, run_id)
    if run.plan is None:
        return
    for cell, reason in ended_early(run.jobs, run.plan):
        await cancel_jobs(connection, [cell], reason, now)
    await _settle(connection, run_id, now)
    await _make_way(connection, run_id, now)


async def _make_way(connection: AsyncConnection, run_id: str, now: float) -> None:
    for way in await who_makes_way(connection, run_id):
        run = await load_run(connection, way.run)
        unfinished = [job for job in run.jobs if not job.status.is_final]
        chosen = [job for job in unfinished if way.jobs is None or job.id in way.jobs]
        await cancel_jobs(connection, chosen, way.why, now)
        await _settle(connection, way.run, now)
        await mark_run(connection, way.run, now)
        await note_turns(connection, way.run, now)


async def _settle(connection: AsyncConnection, run_id: str, now: float) -> None:
    run = await load_run(connection, run_id)
    if run.plan is None:
        return
    for settled in settle(run.jobs, run.plan):
        if settled.change is Change.RELEASE:
            await _set(connection, settled.job, job_after(settled.job.status, Change.RELEASE))
        else:
            await end_job(connection, settled.job, settled.change, settled.reason, now)
            if settled.excluded:
                await _mark_excluded(connection, settled.job)


async def cancel_jobs(
    connection: AsyncConnection, unfinished: Sequence[JobRun], reason: str, now: float
) -> None:
    """Ends jobs that have not started; asks the holder of a running one to end it."""
    for job in unfinished:
        if job.status is Status.RUNNING:
            await connection.execute(
                update(jobs).where(jobs.c.id == job.id).values(cancel_reason=reason)
            )
        else:
            await end_job(connection, job, Change.CANCEL, reason, now)


async def being_cancelled(connection: AsyncConnection, run_id: str) -> Sequence[str]:
    """Ids of the jobs whose holder was asked to end them and has not done so yet."""
    query = select(jobs.c.id).where(
        jobs.c.run_id == run_id, jobs.c.status == Status.RUNNING, jobs.c.cancel_reason != ""
    )
    return (await connection.execute(query)).scalars().all()


async def end_job(
    connection: AsyncConnection, job: JobRun, change: Change, reason: str, now: float
) -> None:
    """Ends a job and every step of it that has not ended."""
    status = job_after(job.status, change)
    await connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(status=status, reason=reason, finished_at=now, lease_until=0.0)
    )
    query = select(steps.c.position, steps.c.status).where(steps.c.job_id == job.id)
    for index, step in (await connection.execute(query)).all():
        if not Status(step).is_final:
            await connection.execute(
                update(steps)
                .where(steps.c.job_id == job.id, steps.c.position == index)
                .values(**_end_with_job(Status(step), change, reason), finished_at=now)
            )


def _end_with_job(step: Status, change: Change, reason: str) -> dict[str, object]:
    """What the end of a job means for a step of it that has not ended."""
    if step is Status.RUNNING:
        return {"status": step_after(step, change), "reason": reason}
    left = Change.CANCEL if change is Change.CANCEL else Change.SKIP
    return {"status": step_after(step, left)}


async def _mark_excluded(connection: AsyncConnection, job: JobRun) -> None:
    await connection.execute(update(jobs).where(jobs.c.id == job.id).values(excluded=True))


async def _set(connection: AsyncConnection, job: JobRun, status: Status) -> None:
    await connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status))
