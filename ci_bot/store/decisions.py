"""Writes a Decision and the end of its delivery in one transaction. Implements `ports.Decisions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.decisions import (
    Cancel,
    Decision,
    ForgetRepo,
    GiveSecrets,
    NewRun,
    Retry,
    SeeRepo,
    Withdraw,
)
from ci_bot.core.graph import retried
from ci_bot.core.manners import manners_of
from ci_bot.core.model import Cause, Run, RunKind, Verdict
from ci_bot.core.states import Status
from ci_bot.core.trust import Ruling
from ci_bot.ports import Clock, Ids
from ci_bot.store.approvals import record_approval, withdraw_approvals
from ci_bot.store.audit import write_audit
from ci_bot.store.database import Database
from ci_bot.store.effects import store_effect, was_answered
from ci_bot.store.inbox import DONE
from ci_bot.store.jobs import being_cancelled, cancel_jobs, settle_run
from ci_bot.store.rows import (
    insert_attempts,
    insert_run,
    judged_columns,
    load_runs,
    load_runs_of_commit,
    vouchers_text,
)
from ci_bot.store.schedules import forget_schedules, note_tick, set_schedules
from ci_bot.store.schema import deliveries, repositories, runs
from ci_bot.store.subjects import mark_run, show_again
from ci_bot.store.turns import note_turns


class DecisionStore:
    """The only writer of runs: what is withdrawn, created and retried, in this order."""

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids

    async def commit(self, decision: Decision, delivery: int | None) -> Sequence[str]:
        now = self._clock.now()
        touched: list[str] = []
        async with self._database.write() as connection:
            if decision.once and await was_answered(connection, decision.once):
                decision = Decision(f"{decision.once.rstrip('/')} was decided before")
            for change in decision.repos:
                touched += await self._write_repo(connection, change, now)
            touched += await self._write_runs(connection, decision, now)
            for new in decision.schedules:
                await set_schedules(connection, new, now)
            for taken in decision.ticked:
                await note_tick(connection, taken)
            for approve in decision.approve:
                await record_approval(connection, approve, now)
            for effect in decision.effects:
                await store_effect(connection, effect, now)
            await write_audit(connection, decision.audit, now)
            for run_id in dict.fromkeys(touched):
                await mark_run(connection, run_id, now)
                await note_turns(connection, run_id, now)
            if delivery is not None:
                await connection.execute(
                    update(deliveries)
                    .where(deliveries.c.id == delivery)
                    .values(state=DONE, reason=decision.reason, done_at=now)
                )
        return tuple(dict.fromkeys(touched))

    async def _write_runs(
        self, connection: AsyncConnection, decision: Decision, now: float
    ) -> list[str]:
        touched: list[str] = []
        for gone in decision.disapprove:
            touched += await withdraw_approvals(connection, gone, now)
        for withdraw in decision.withdraw:
            touched += await self._withdraw(connection, _matching(withdraw), withdraw.reason, now)
            await _mark_withdrawn(connection, withdraw, now)
        for new in decision.create:
            touched.append(await self._create(connection, new, now))
        for retry in decision.retry:
            touched += await self._retry(connection, retry, now)
        for cancel in decision.cancel:
            touched += await self._cancel(connection, cancel, now)
        for trusted in decision.give_secrets:
            touched += await self._give_secrets(connection, trusted, now)
        return touched

    async def runs_of_head(self, repo_key: str, sha: str) -> Sequence[Run]:
        async with self._database.read() as connection:
            return await load_runs_of_commit(connection, repo_key, sha)

    async def push_after(self, repo_key: str, branch: str, sha: str) -> Run | None:
        condition = (
            runs.c.repo == repo_key,
            runs.c.kind == RunKind.PUSH,
            runs.c.ref == branch,
            runs.c.base_sha == sha,
        )
        async with self._database.read() as connection:
            found = await load_runs(connection, *condition)
        return found[-1] if found else None

    async def _write_repo(
        self, connection: AsyncConnection, change: SeeRepo | ForgetRepo, now: float
    ) -> list[str]:
        if isinstance(change, SeeRepo):
            await _see(connection, change, now)
            return []
        where = [repositories.c.forge == change.forge]
        if change.repo_id is not None:
            where.append(repositories.c.forge_id == change.repo_id)
        if change.tenant is not None:
            where.append(repositories.c.tenant == change.tenant)
        await connection.execute(update(repositories).where(*where).values(gone=True))
        keys = (await connection.execute(select(repositories.c.key).where(*where))).scalars().all()
        await forget_schedules(connection, keys)
        theirs = runs.c.repo.in_(select(repositories.c.key).where(*where))
        await connection.execute(update(runs).where(theirs).values(over_at=now))
        return await self._withdraw(connection, [theirs], "ci-bot was removed from the repository", now)

    async def _withdraw(
        self, connection: AsyncConnection, where: Sequence[ColumnElement[bool]], reason: str, now: float
    ) -> list[str]:
        touched = []
        for run in await load_runs(connection, *where):
            unfinished = [job for job in run.jobs if not job.status.is_final]
            await cancel_jobs(connection, unfinished, reason, now)
            touched.append(run.id)
        return touched

    async def _create(self, connection: AsyncConnection, new: NewRun, now: float) -> str:
        known = await load_runs(connection, runs.c.key == new.key)
        if known:
            await self._revive(connection, known[0], new, now)
            return known[0].id
        run_id = self._ids.new()
        await insert_run(connection, run_id, new, now)
        await self._begin(connection, run_id, new, now)
        return run_id

    async def _revive(self, connection: AsyncConnection, run: Run, new: NewRun, now: float) -> None:
        """The head came back: what was cancelled on its account is tried again.

        What was held is planned as soon as somebody who may do so brings or approves it.
        """
        is_let_in = _is_let_in(run, new)
        is_held = not is_let_in and not run.ruling.may_start
        values: dict[str, object] = {"head_at": max(run.head_at, new.head_at), "over_at": None}
        if is_held and run.superseded:
            values |= {"superseded": False, "verdict": Verdict.HELD, "reason": new.reason}
        elif run.superseded or is_let_in:
            judged = judged_columns(new) if is_let_in else {"reason": new.reason}
            values |= {"superseded": False, **judged}
        await connection.execute(update(runs).where(runs.c.id == run.id).values(**values))
        if is_held:
            return
        if is_let_in and not run.jobs:
            await self._begin(connection, run.id, new, now)
            return
        ending = await being_cancelled(connection, run.id)
        keys = [job.key for job in run.jobs if job.id in ending]
        if keys or any(job.status is Status.CANCELLED for job in run.jobs):
            await self._try_again(connection, run, [*keys, *retried(run.jobs)], now)

    async def _begin(self, connection: AsyncConnection, run_id: str, new: NewRun, now: float) -> None:
        if new.plan is not None:
            attempts = [(self._ids.new(), job.id, 1) for job in new.plan.jobs]
            await insert_attempts(connection, run_id, new.plan, attempts, now, Cause.FIRST)
            await settle_run(connection, run_id, now)

    async def _retry(self, connection: AsyncConnection, retry: Retry, now: float) -> list[str]:
        touched = []
        for run in await load_runs(connection, runs.c.id.in_(retry.runs), ~runs.c.superseded):
            keys = retried(run.jobs, retry.jobs, whole=retry.whole) if run.ruling.may_start else ()
            await self._try_again(connection, run, keys, now)
            if keys:
                touched.append(run.id)
        if not touched:  # the truth is the same, but a person asked and waits for an answer
            await show_again(connection, retry.repo_key, retry.sha, now)
        return touched

    async def _cancel(self, connection: AsyncConnection, cancel: Cancel, now: float) -> list[str]:
        for run in await load_runs(connection, runs.c.id.in_(cancel.runs)):
            chosen = [
                job
                for job in run.jobs
                if not job.status.is_final and (not cancel.jobs or job.is_named(cancel.jobs))
            ]
            await cancel_jobs(connection, chosen, cancel.reason, now)
            await settle_run(connection, run.id, now)
        return list(cancel.runs)

    async def _give_secrets(
        self, connection: AsyncConnection, trusted: GiveSecrets, now: float
    ) -> list[str]:
        """From now on; what failed for want of them, or otherwise, is tried again."""
        for run in await load_runs(connection, runs.c.id.in_(trusted.runs)):
            values = {
                "ruling": Ruling.RUN,
                "vouchers": vouchers_text((*run.vouchers, trusted.voucher)),
            }
            await connection.execute(update(runs).where(runs.c.id == run.id).values(**values))
            bad = [job.key for job in run.jobs if job.status.is_bad]
            await self._try_again(connection, run, retried(run.jobs, bad) if bad else (), now)
        return list(trusted.runs)

    async def _try_again(
        self, connection: AsyncConnection, run: Run, keys: Sequence[str], now: float
    ) -> None:
        if run.plan is None or not keys:
            return
        number = {job.key: job.attempt + 1 for job in run.jobs}
        attempts = [(self._ids.new(), key, number[key]) for key in keys]
        await insert_attempts(connection, run.id, run.plan, attempts, now, Cause.PERSON)
        await settle_run(connection, run.id, now)


def _is_let_in(run: Run, new: NewRun) -> bool:
    """What could not run may now; and nothing of it ran, so nothing is lost by judging it anew."""
    was_held = not run.ruling.may_start and new.ruling.may_start
    was_draft = run.verdict is Verdict.DRAFT and new.ruling.may_start
    return was_held or was_draft or (run.plan is None and new.plan is not None)


def _matching(withdraw: Withdraw) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [
        runs.c.repo == withdraw.repo_key,
        runs.c.key != withdraw.except_key,
        ~runs.c.superseded,
    ]
    for column, value in (
        (runs.c.kind, withdraw.kind),
        (runs.c.pull, withdraw.pull),
        (runs.c.ref, withdraw.ref),
        (runs.c.sha, withdraw.sha),
        (runs.c.verdict, withdraw.verdict),
    ):
        if value is not None:
            where.append(column == value)
    if withdraw.key_prefix is not None:
        where.append(runs.c.key.startswith(withdraw.key_prefix, autoescape=True))
    return where


async def _mark_withdrawn(connection: AsyncConnection, withdraw: Withdraw, now: float) -> None:
    """Superseded by another head; or it still counts, and nobody waits for it any more."""
    change = update(runs).where(*_matching(withdraw))
    if withdraw.superseded:
        change = change.values(superseded=True, reason=withdraw.reason)
    else:
        change = change.values(over_at=now)
    await connection.execute(change)


async def _see(connection: AsyncConnection, change: SeeRepo, now: float) -> None:
    repo = change.repo
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    facts: dict[str, Any] = {"name": repo.name, "private": repo.private, "tenant": repo.tenant}
    facts["gone"] = False
    if repo.default_branch:  # installation payloads do not say it
        facts["default_branch"] = repo.default_branch
    if change.locked:
        facts["locked"] = True
    insert = dialect.insert(repositories).values(
        key=repo.key,
        forge=repo.forge,
        forge_id=repo.id,
        first_seen=now,
        **{"default_branch": "", "locked": change.locked} | facts,
    )
    if manners_of(repo.forge).tenant_is_owner:  # it went to another owner, and nobody told us
        moved = repositories.c.tenant != repo.tenant
        facts["locked"] = True if change.locked else or_(repositories.c.locked, moved)
    await connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=facts))
