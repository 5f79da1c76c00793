"""The data directory: made, locked against a second server, and named."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ci_bot.core.errors import SettingsError, StoreError
from ci_bot.core.room import Mark
from ci_bot.settings import Settings
from ci_bot.system import SystemIds


def make_dirs(settings: Settings) -> None:
    for name, path in (("data_dir", settings.data_dir), ("run_dir", settings.run)):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError([f"{name}: {path} cannot be made: {error.strerror}"]) from error


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """One server for one data directory: two would adopt each other's jobs."""
    with _locked(
        data_dir / "lock", f"another ci-bot uses {data_dir}; stop it, or set another data_dir"
    ):
        yield


@contextmanager
def locked_database(settings: Settings) -> Iterator[None]:
    """One server for one file of SQLite, too, where that is not in the data directory."""
    file = settings.database_file
    if file is None or file.parent.resolve() == settings.data_dir.resolve():
        yield
        return
    # Never the file itself: closing it would let go of SQLite's own locks, https://sqlite.org/howtocorrupt.html
    words = f"another ci-bot uses {file}; stop it, or set another database_url"
    with _locked(file.with_name(f"{file.name}.lock"), words):
        yield


@contextmanager
def _locked(path: Path, words: str) -> Iterator[None]:
    try:
        file = path.open("w")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(words) from None
        yield


def instance_of(data_dir: Path) -> str:
    """This server's lasting name, which its containers carry; made at the first start."""
    path = data_dir / "instance"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(SystemIds().new())
        fresh.replace(path)
    return path.read_text().strip()


async def look_at_disk(settings: Settings, needed: int) -> str:
    """One line about the disk under the data directory; `needed` is in bytes. Raises `StoreError`.

    Looks and changes nothing: what is not there yet is the server's to make, as its own user.
    """
    there = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    if not there.is_dir():
        raise SettingsError([f"data_dir: {there} is not a directory"])
    free = shutil.disk_usage(there).free
    words = f"{free / 1024**3:.1f} GiB free for {settings.data_dir}"
    if free < needed:
        raise StoreError(f"only {words}; free some, or set data_dir to a larger disk")
    return words


def marks(settings: Settings) -> tuple[Mark, ...]:
    """Below which no new job starts."""
    return (
        Mark("data_dir", str(settings.data_dir), settings.disk.free_data),
        Mark("run_dir", str(settings.run), settings.disk.free_run),
    )


def free_under(path: str) -> int:
    """Bytes that this user may still write there."""
    return shutil.disk_usage(path).free
