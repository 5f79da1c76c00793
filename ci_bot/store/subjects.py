"""Marks what a forge shows as out of date, inside the transaction that changed the truth."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.store.schema import publications, runs, subjects

#: Stands between the gate's name and the job's in the name of a job's check.
JOB_SEPARATOR = " / "


async def mark_run(connection: AsyncConnection, run_id: str, now: float) -> None:
    """The commit's checks and the pull request's comment no longer show the truth about this run."""
    query = select(runs.c.repo, runs.c.sha, runs.c.pull).where(runs.c.id == run_id)
    row = (await connection.execute(query)).one()
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
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(subjects).values(repo=repo, sha=sha, pull=pull, due_at=now, wanted=1)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=["repo", "sha", "pull"],
            # A subject that a busy forge postponed keeps its time.
            set_={
                "wanted": subjects.c.wanted + 1,
                "due_at": case((subjects.c.tries == 0, now), else_=subjects.c.due_at),
            },
        )
    )


def runs_of(repo: str, sha: str, pull: int) -> ColumnElement[bool]:
    """Selects the runs that a subject shows: those of a commit, or those of a pull request."""
    return and_(runs.c.repo == repo, runs.c.sha == sha if sha else runs.c.pull == pull)
