"""Marks what a forge shows as out of date, inside the transaction that changed the truth."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Executable, bindparam, case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.store.schema import publications, runs, subjects

#: Stands between the gate's name and the job's in the name of a job's check.
JOB_SEPARATOR = " / "


#: Made once, as those below: to make a statement takes longer than to run it.
_SHOWN_BY: Final = select(runs.c.repo, runs.c.sha, runs.c.pull).where(runs.c.id == bindparam("run_id"))


def _mark_with(insert: sqlite.Insert | postgresql.Insert) -> Executable:
    """A subject that a busy forge postponed keeps its time."""
    due_at = case((subjects.c.tries == 0, insert.excluded.due_at), else_=subjects.c.due_at)
    return insert.on_conflict_do_update(
        index_elements=["repo", "sha", "pull"],
        set_={"wanted": subjects.c.wanted + 1, "due_at": due_at},
    )


_MARK: Final = {
    dialect.dialect.name: _mark_with(dialect.insert(subjects)) for dialect in (sqlite, postgresql)
}


async def mark_run(connection: AsyncConnection, run_id: str, now: float) -> None:
    """The commit's checks and the pull request's comment no longer show the truth about this run."""
    row = (await connection.execute(_SHOWN_BY, {"run_id": run_id})).one()
    await _mark(connection, row.repo, row.sha, 0, now)
    if row.pull is not None:
        await _mark(connection, row.repo, "", row.pull, now)


async def show_again(connection: AsyncConnection, repo: str, sha: str, now: float) -> None:
    """Forgets that the forge has accepted what the gate says of a commit: a person asked anew."""
    subject = select(subjects.c.id).where(subjects.c.repo == repo, subjects.c.sha == sha)
    await connection.execute(
        update(publications)
        .where(publications.c.subject.in_(subject), ~publications.c.name.contains(JOB_SEPARATOR))
        .values(accepted="")
    )
    await _mark(connection, repo, sha, 0, now)


async def _mark(connection: AsyncConnection, repo: str, sha: str, pull: int, now: float) -> None:
    values = {"repo": repo, "sha": sha, "pull": pull, "due_at": now, "wanted": 1}
    await connection.execute(_MARK[connection.dialect.name], values)
