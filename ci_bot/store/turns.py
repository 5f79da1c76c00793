"""Notes that a branch turned red or green again, inside the transaction that ended what made it so."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.effects import Turn, Turned, branch_prefix
from ci_bot.core.errors import UnreadableRun
from ci_bot.core.gate import gate
from ci_bot.core.model import Run, RunKind
from ci_bot.core.notices import turned
from ci_bot.store.effects import newest_effect, replace_done
from ci_bot.store.rows import load_runs_of_commit
from ci_bot.store.schema import runs

_log = structlog.get_logger()


async def note_turns(connection: AsyncConnection, run_id: str, now: float) -> None:
    """For every branch whose newest push brought the commit of this run."""
    query = select(runs.c.repo, runs.c.sha).where(runs.c.id == run_id)
    row = (await connection.execute(query)).one()
    heads = await _heads_at(connection, row.repo, row.sha)
    if not heads:
        return
    try:
        found = await load_runs_of_commit(connection, row.repo, row.sha)
    except UnreadableRun as error:  # the end of this run matters more than who is told of it
        _log.warning("nobody is notified", run=run_id, error=str(error))
        return
    for run in found:
        if run.id in heads:
            await _note(connection, run, found, now)


async def _note(connection: AsyncConnection, head: Run, of_commit: Sequence[Run], now: float) -> None:
    state = gate(of_commit)
    if state is None or state.conclusion is None:
        return
    news = turned(await _last(connection, head), state, head)
    if news is not None:
        prefix = branch_prefix(head.repo.key, head.ref)
        await replace_done(connection, prefix, news, now)


async def _last(connection: AsyncConnection, head: Run) -> Turn | None:
    found = await newest_effect(connection, branch_prefix(head.repo.key, head.ref))
    return found.turn if isinstance(found, Turned) else None


async def _heads_at(connection: AsyncConnection, repo: str, sha: str) -> frozenset[str]:
    """Ids of the runs of this commit that are the newest push of their branch."""
    here = (runs.c.repo == repo, runs.c.kind == RunKind.PUSH)
    query = select(runs.c.id, runs.c.ref).where(*here, runs.c.sha == sha, ~runs.c.superseded)
    heads = set()
    for row in (await connection.execute(query)).all():
        newest = (
            select(runs.c.id)
            .where(*here, runs.c.ref == row.ref)
            .order_by(runs.c.created_at.desc(), runs.c.id.desc())
            .limit(1)
        )
        if (await connection.execute(newest)).scalar_one() == row.id:
            heads.add(row.id)
    return frozenset(heads)
