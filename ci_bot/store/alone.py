"""One server works on a PostgreSQL database: the right to do so, kept as long as its session lives."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from sqlalchemy import BigInteger, Row, bindparam, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ci_bot.core.errors import AnotherServer, StoreError
from ci_bot.store.database import Database, cause_of

_log = structlog.get_logger()
LOOK_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0  # a connection that is silent for so long is lost
_KEY: Final = 0x63695F626F75  # beside `database.ONE_WRITER`

#: A machine that lost its power is noticed within half a minute, and not after two hours.
#: https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE
_TAKE: Final = text(
    f"""
    SELECT set_config('application_name', :name, false),
           set_config('tcp_keepalives_idle', '10', false),
           set_config('tcp_keepalives_interval', '5', false),
           set_config('tcp_keepalives_count', '4', false),
           pg_try_advisory_lock({_KEY}) AS is_taken
    """
)
_HOLDER: Final = text(
    """
    SELECT pid, application_name, coalesce(host(client_addr), 'this machine') AS host
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND (classid::bigint << 32 | objid::bigint) = :key
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
).bindparams(bindparam("key", _KEY, BigInteger))
_PUT_OUT: Final = text("SELECT pg_terminate_backend(:pid, 5000)")


class OneServer:
    """Logs, mirrors and workspaces are one machine's, so a second server would show and adopt what it does not have.

    `instance` is the lasting name of the data directory, which a file lock keeps for one process: whatever
    session still holds the right under that name is a dead process's, and is put out.
    """

    def __init__(self, database: Database, instance: str, look_seconds: float = LOOK_SECONDS) -> None:
        self._database = database
        self._name = f"ci-bot {instance}"[:63]  # as much as PostgreSQL keeps
        self._look_seconds = look_seconds
        self._session: AsyncConnection | None = None

    async def take(self) -> None:
        """Raises `AnotherServer`, naming the other server, if there is one."""
        session = await self._database.session()
        try:
            other = await self._taken(session)
            if other is not None and other.application_name == self._name:
                await session.execute(_PUT_OUT, {"pid": other.pid})
                other = await self._taken(session)
        except (SQLAlchemyError, OSError) as error:
            await session.invalidate()
            await session.close()
            raise StoreError(f"the database failed: {cause_of(error)}") from error
        if other is not None:
            await session.close()
            raise AnotherServer(
                f"another server works on this database ({other.application_name}, from {other.host}); "
                "stop it first, or give this one a database of its own"
            )
        self._session = session

    async def keep(self) -> None:
        """For ever; raises `AnotherServer` if one server has taken the database meanwhile."""
        while True:
            await asyncio.sleep(self._look_seconds)
            if await self._is_there():
                continue
            _log.warning("connection to the database lost")
            await self.close()
            try:
                await self.take()
            except AnotherServer:
                raise
            except StoreError as error:
                _log.warning("database out of reach", error=str(error))

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                await session.invalidate()  # the right ends with the session: it must not go to a pool
            finally:
                await session.close()

    async def _is_there(self) -> bool:
        if self._session is None:
            return False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):  # TimeoutError is one
            return False
        return True

    async def _taken(self, session: AsyncConnection) -> Row[Any] | None:
        """None: by us. Else who has it."""
        for _ in range(3):  # who had it may let go between the two questions
            if (await session.execute(_TAKE, {"name": self._name})).one().is_taken:
                return None
            other = (await session.execute(_HOLDER)).one_or_none()
            if other is not None:
                return other
        raise AnotherServer("another server takes and gives back this database; stop it first")
