"""What lies in the data directory of this machine's server: database, logs and keys.

It needs no forge and no engine, so commands that only read or change it start fast.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from ci_bot.core.errors import StoreError
from ci_bot.core.retention import Retention
from ci_bot.flow.files import FileStores
from ci_bot.ports import Clock, LogSink, PackLimits
from ci_bot.secrets.keys import Keyring
from ci_bot.secrets.rest import RestKeys
from ci_bot.settings import Settings
from ci_bot.store import ArtifactStore, CacheStore, Database, RunStore
from ci_bot.system import SystemClock, SystemIds

DATABASE: Final = "ci-bot.db"


@dataclass(frozen=True, slots=True)
class Archive:
    """What `ci-bot logs` reads."""

    runs: RunStore
    logs: LogSink
    kept: Retention


@asynccontextmanager
async def open_archive(settings: Settings) -> AsyncIterator[Archive]:
    """The data of this machine's server, which may be running. Raises `StoreError`."""
    if is_missing(settings):
        raise StoreError(f"there is no ci-bot data in {settings.data_dir}; set data_dir in ci-bot.toml")
    clock = SystemClock()
    database = await Database.open(settings.database, migrate=False)
    try:
        yield Archive(RunStore(database, clock, SystemIds()), open_logs(settings), retention(settings))
    finally:
        await database.close()


def is_missing(settings: Settings) -> bool:
    return not settings.database_url and not (settings.data_dir / DATABASE).exists()


def open_logs(settings: Settings) -> FileLogs:
    return FileLogs(settings.data_dir / "logs", limit=settings.limits.log)


def open_artifacts(settings: Settings) -> FilePacks:
    return FilePacks(settings.data_dir / "artifacts")


def open_caches(settings: Settings) -> FilePacks:
    return FilePacks(settings.data_dir / "caches")


def file_stores(settings: Settings, database: Database, clock: Clock) -> FileStores:
    limits = settings.limits
    return FileStores(
        artifacts=open_artifacts(settings),
        records=ArtifactStore(database, clock),
        caches=open_caches(settings),
        cached=CacheStore(database, clock),
        artifact_limits=PackLimits(limits.artifact, limits.artifact_files),
        cache_limits=PackLimits(limits.cache, limits.cache_files),
    )


def sealing_keys(settings: Settings) -> Keyring:
    return Keyring.read_or_make(settings.keys / "sealing.key")


def rest_keys(settings: Settings) -> RestKeys:
    return RestKeys.read_or_make(settings.keys / "secrets.key")


def retention(settings: Settings) -> Retention:
    kept = settings.retention
    return Retention(
        deliveries=kept.deliveries,
        runs=kept.runs,
        logs=kept.logs,
        logs_total=kept.logs_total,
        artifacts_total=kept.artifacts_total,
        caches=kept.caches,
        caches_total=kept.caches_total,
    )
