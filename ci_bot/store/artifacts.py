"""Artifacts of jobs, and what else there is of a job besides its steps. Implements `ports.Artifacts`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import TypeAdapter
from sqlalchemy import delete, exists, func, insert, select, update

from ci_bot.core.errors import LeaseLost
from ci_bot.core.extras import Extras
from ci_bot.core.retention import StoredArtifacts
from ci_bot.core.states import Status
from ci_bot.ports import ArtifactRecord, Clock, Lease
from ci_bot.store.database import Database
from ci_bot.store.schema import artifacts, jobs
from ci_bot.store.subjects import mark_run

_FILES = TypeAdapter(tuple[tuple[str, int], ...])
_EXTRAS = TypeAdapter(Extras)
_UNFINISHED = [status for status in Status if not status.is_final]


class ArtifactStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, lease: Lease, extras: Extras, record: ArtifactRecord | None = None) -> None:
        text = _EXTRAS.dump_json(extras, exclude_defaults=True).decode()
        held = (
            jobs.c.id == lease.job_id,
            jobs.c.epoch == lease.epoch,
            jobs.c.holder == lease.holder,
            jobs.c.status == Status.RUNNING,
        )
        async with self._database.write() as connection:
            changed = update(jobs).where(*held).values(extras=text).returning(jobs.c.run_id)
            run_id = (await connection.execute(changed)).scalar_one_or_none()
            if run_id is None:
                raise LeaseLost(f"job {lease.job_id} is held by another process")
            if record is not None:
                await connection.execute(delete(artifacts).where(artifacts.c.job_id == record.job_id))
                await connection.execute(
                    insert(artifacts).values(
                        job_id=record.job_id,
                        files=_FILES.dump_json(record.files).decode(),
                        size=record.size,
                        packed=record.packed,
                        expires_at=record.expires_at,
                    )
                )
            await mark_run(connection, run_id, self._clock.now())

    async def of(self, job_ids: Collection[str]) -> Sequence[ArtifactRecord]:
        now = self._clock.now()
        query = select(artifacts).where(artifacts.c.job_id.in_(job_ids), artifacts.c.expires_at > now)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            ArtifactRecord(
                row.job_id, _FILES.validate_json(row.files), row.size, row.packed, row.expires_at
            )
            for row in rows
        ]

    async def all(self) -> Sequence[StoredArtifacts]:
        mine, others = jobs.alias(), jobs.alias()
        is_open = exists().where(others.c.run_id == mine.c.run_id, others.c.status.in_(_UNFINISHED))
        query = select(
            artifacts.c.job_id,
            artifacts.c.packed,
            func.coalesce(mine.c.finished_at, self._clock.now()).label("made_at"),
            artifacts.c.expires_at,
            is_open.label("is_open"),
        ).join(mine, artifacts.c.job_id == mine.c.id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            StoredArtifacts(row.job_id, row.packed, row.made_at, row.expires_at, row.is_open)
            for row in rows
        ]

    async def known(self, job_ids: Collection[str]) -> Collection[str]:
        with_row = select(artifacts.c.job_id).where(artifacts.c.job_id.in_(job_ids))
        open_ones = select(jobs.c.id).where(jobs.c.id.in_(job_ids), jobs.c.status.in_(_UNFINISHED))
        async with self._database.read() as connection:
            found = set((await connection.execute(with_row)).scalars())
            return found | set((await connection.execute(open_ones)).scalars())

    async def drop(self, job_ids: Collection[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(artifacts).where(artifacts.c.job_id.in_(job_ids)))
