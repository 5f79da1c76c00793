"""A server's data, which may be in use → one file; and such a file → a data directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci_bot import __version__
from ci_bot.archive.bundle import Bundle, unpack, writing
from ci_bot.core.backup import (
    DATABASE,
    INSTANCE,
    KEYS,
    MANIFEST,
    SETTINGS,
    Manifest,
    refusal,
)
from ci_bot.core.errors import StoreError
from ci_bot.core.words import count, size
from ci_bot.links import REVOKED_FILE
from ci_bot.settings import Settings
from ci_bot.store import Database, OneServer, PublicationStore
from ci_bot.store.copying import copy_sqlite, doubt_what_is_shown
from ci_bot.store.upgrading import known_schemas
from ci_bot.system import SystemClock

#: Hears one line about what is being done, and how much of that, 0 to 1.
Tell = Callable[[str, float], None]

LOGS: Final = "logs"
MADE_AGAIN: Final = ("artifacts", "caches")
STARTS_LAST: Final = (
    DATABASE  # without it a server starts as a new one: it comes when all else is there
)
PG_DUMP: Final = (
    "the database, which is PostgreSQL's: `pg_dump --format=custom --file=ci-bot.dump` saves it, "
    "`pg_restore` brings it back; take it before this backup, so that no run lacks its log"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for. `config` is the settings file, if there is one."""

    with_keys: bool
    with_logs: bool
    config: Path | None


@dataclass(frozen=True, slots=True)
class Saved:
    files: int
    size: int  # bytes, compressed
    left_out: tuple[str, ...]


def save(settings: Settings, target: Path, wanted: Wanted, tell: Tell) -> Saved:
    """Database first, logs after: whatever the database says was logged is there. Raises `StoreError`."""
    if target.exists():
        raise StoreError(f"{target} is there already; give another name, or remove it")
    if not target.parent.is_dir():
        raise StoreError(f"{target.parent} is not a directory; make it first")
    with (
        tempfile.TemporaryDirectory(prefix=".ci-bot-backup-", dir=target.parent) as work,
        writing(target) as bundle,
    ):
        schema = _save_database(settings, bundle, Path(work), tell)
        if wanted.with_logs:
            _save_logs(settings.data_dir / LOGS, bundle, tell)
        _save_small(settings, bundle, wanted)
        manifest = Manifest(
            made_at=SystemClock().now(),
            version=__version__,
            schema=schema,
            entries=bundle.entries,
            left_out=tuple(_left_out(settings, wanted)),
        )
        bundle.finish(manifest)
    return Saved(len(manifest.entries), target.stat().st_size, manifest.left_out)


def _save_database(settings: Settings, bundle: Bundle, work: Path, tell: Tell) -> str:
    source = settings.database_file
    if source is None:
        return ""
    if not source.exists():
        raise StoreError(
            f"there is no database {source}; run this where the server runs, with its settings (--config)"
        )
    copy = work / DATABASE
    schema = copy_sqlite(source, copy, lambda done: tell("database", done))
    bundle.add(DATABASE, copy)
    copy.unlink()
    return schema


def _save_logs(logs: Path, bundle: Bundle, tell: Tell) -> None:
    folders = sorted(logs.iterdir()) if logs.is_dir() else []
    for number, folder in enumerate(folders, start=1):
        for file, is_closed in _logs_in(folder):
            with suppress(FileNotFoundError):  # its time was over just now
                bundle.add_bytes(f"{LOGS}/{folder.name}/{file.name}", file.read_bytes())
                if is_closed:
                    bundle.add_bytes(f"{LOGS}/{folder.name}/{file.stem}.end", b"")
        tell("logs", number / len(folders))


def _logs_in(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Each log, and whether it was closed *before* it is read: else what comes would be cut off."""
    for file in sorted(folder.glob("*.log")):
        yield file, file.with_suffix(".end").exists()


def _save_small(settings: Settings, bundle: Bundle, wanted: Wanted) -> None:
    for name in (INSTANCE, REVOKED_FILE):
        path = settings.data_dir / name
        if path.exists():
            bundle.add(name, path)
    if not wanted.with_keys:
        return
    for path in _keys(settings):
        bundle.add(path.name, path)
    if wanted.config is not None:
        bundle.add(SETTINGS, wanted.config)


def _keys(settings: Settings) -> Sequence[Path]:
    places = [
        settings.data_dir / name if name == "links.key" else settings.keys / name for name in KEYS
    ]
    return [path for path in places if path.exists()]


def _left_out(settings: Settings, wanted: Wanted) -> Iterator[str]:
    if settings.database_file is None:
        yield PG_DUMP
    if not wanted.with_logs:
        yield f"logs: {settings.data_dir / LOGS}"
    for name in MADE_AGAIN:
        if (settings.data_dir / name).is_dir():
            yield f"{name}, which builds make again: {settings.data_dir / name}"
    if not wanted.with_keys:
        for path in _keys(settings):
            yield f"key: {path}"
        if wanted.config is not None:
            yield f"settings: {wanted.config}"
    yield "the App's private key, the forges' tokens and webhook secrets, and registry passwords, wherever the settings take them from"


# ── restore ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Restored:
    manifest: Manifest
    has_keys: bool
    has_settings: bool


def restore(source: Path, into: Path, tell: Tell) -> Restored:
    """Fills an empty or new directory; on any trouble it is left as it was. Raises `StoreError`."""
    if not source.is_file():
        raise StoreError(f"{source}: no such file")
    was_there = into.exists()
    if was_there and (not into.is_dir() or any(into.iterdir())):
        raise StoreError(f"{into} is not empty; restore into a new directory, then set data_dir to it")
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = into / ".restoring"
    try:
        work.mkdir(mode=0o700)
        tell("reading and verifying", 0.0)
        manifest = _unpacked(source, work)
        _move_up(work, into)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        if not was_there:
            with suppress(OSError):
                into.rmdir()
        raise
    tell("reading and verifying", 1.0)
    return Restored(manifest, "secrets.key" in manifest.entries, SETTINGS in manifest.entries)


async def doubt_database(settings: Settings) -> int:
    """For one that its own tools brought back; returns of how much the forge is asked. Raises `StoreError`."""
    if settings.database_file is not None:
        raise StoreError(
            "--database-restored is for PostgreSQL; `ci-bot restore FILE` does it for SQLite"
        )
    database = await Database.open(settings.database, migrate=False)
    try:
        if await database.is_empty():
            raise StoreError(f"{database.where} is empty; bring it back with pg_restore first")
        one = OneServer(database, "restore")
        await one.take()
        try:
            return await PublicationStore(database, SystemClock()).doubt()
        finally:
            await one.close()
    finally:
        await database.close()


def _unpacked(source: Path, work: Path) -> Manifest:
    manifest = unpack(source, work)
    why = refusal(manifest, known_schemas(), __version__)
    if why:
        raise StoreError(f"{source} cannot be restored: {why}")
    if DATABASE in manifest.entries:
        doubt_what_is_shown(work / DATABASE)
    return manifest


def _move_up(work: Path, into: Path) -> None:
    (work / MANIFEST).unlink()
    for child in sorted(work.iterdir(), key=lambda path: path.name == STARTS_LAST):
        child.rename(into / child.name)
    work.rmdir()
    fd = os.open(into, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def summary(saved: Saved) -> str:
    return f"{count(saved.files, 'file')}, {size(saved.size)}"
