"""Approvals of outsiders' commits: recorded, looked up, withdrawn. Implements `ports.Approvals`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import Approve, Disapprove
from ci_bot.core.model import Run, Verdict
from ci_bot.core.states import Status
from ci_bot.core.trust import Role, Ruling, Voucher
from ci_bot.store.database import Database
from ci_bot.store.jobs import cancel_jobs
from ci_bot.store.rows import load_runs
from ci_bot.store.schema import approvals, runs

_VOUCHER = TypeAdapter(Voucher)


class ApprovalStore:
    """Reads; they are written with the decision that they belong to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, repo_key: str, sha: str, pull: int | None) -> Sequence[Voucher]:
        query = select(approvals.c.voucher).where(
            approvals.c.repo == repo_key,
            approvals.c.sha == sha,
            approvals.c.pull == (pull or 0),
            approvals.c.withdrawn_at.is_(None),
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query.order_by(approvals.c.id))).scalars().all()
        return tuple(_VOUCHER.validate_json(text) for text in found)

    async def had_one(self, repo_key: str, author: int) -> bool:
        query = select(approvals.c.id).where(
            approvals.c.repo == repo_key,
            approvals.c.author_id == author,
            approvals.c.withdrawn_at.is_(None),
        )
        async with self._database.read() as connection:
            return (await connection.execute(query.limit(1))).first() is not None


async def record_approval(connection: AsyncConnection, approve: Approve, now: float) -> None:
    await connection.execute(
        insert(approvals).values(
            repo=approve.repo_key,
            pull=approve.pull or 0,
            sha=approve.sha,
            author_id=approve.author,
            voucher=_VOUCHER.dump_json(approve.voucher).decode(),
            comment=approve.comment,
            created_at=now,
        )
    )


async def withdraw_approvals(
    connection: AsyncConnection, gone: Disapprove, now: float
) -> Sequence[str]:
    """Returns the ids of the runs that are held again."""
    mine = (
        approvals.c.repo == gone.repo_key,
        approvals.c.comment == gone.comment,
        approvals.c.withdrawn_at.is_(None),
    )
    rows = (await connection.execute(select(approvals).where(*mine))).all()
    await connection.execute(update(approvals).where(*mine).values(withdrawn_at=now))
    held: list[str] = []
    for row in rows:
        if await _is_approved(connection, row.repo, row.sha, row.pull):
            continue  # somebody else's word still stands
        # Superseded ones too: one for another base comes back with that base.
        where = (runs.c.repo == row.repo, runs.c.sha == row.sha)
        for run in await load_runs(connection, *where):
            if (run.pull or 0) == row.pull and _rests_on_approval(run):
                await hold_run(connection, run, gone.reason, now)
                held.append(run.id)
    return held


async def _is_approved(connection: AsyncConnection, repo: str, sha: str, pull: int) -> bool:
    query = select(approvals.c.id).where(
        approvals.c.repo == repo,
        approvals.c.sha == sha,
        approvals.c.pull == pull,
        approvals.c.withdrawn_at.is_(None),
    )
    return (await connection.execute(query.limit(1))).first() is not None


def _rests_on_approval(run: Run) -> bool:
    return any(voucher.role is Role.APPROVER for voucher in run.vouchers)


async def hold_run(connection: AsyncConnection, run: Run, reason: str, now: float) -> None:
    """What has not started does not start. What runs goes on, and what has ended stays as it is."""
    waiting = [job for job in run.jobs if job.status in (Status.WAITING, Status.READY)]
    await cancel_jobs(connection, waiting, reason, now)
    values: dict[str, object] = {"ruling": Ruling.WAIT}
    if waiting or any(job.status is Status.CANCELLED and job.reason == reason for job in run.jobs):
        values |= {"verdict": Verdict.HELD, "reason": reason}
    await connection.execute(update(runs).where(runs.c.id == run.id).values(**values))
