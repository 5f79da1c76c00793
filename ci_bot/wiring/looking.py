"""What a server stored, to be read; and what it needs, to be examined. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from ci_bot.core.errors import SettingsError, StoreError
from ci_bot.ports import LogSink
from ci_bot.settings import GitHubSettings, Settings
from ci_bot.store import Database, InboxStore, RunStore
from ci_bot.system import SystemClock
from ci_bot.wiring.files import look_at_disk
from ci_bot.wiring.parts import (
    open_executor,
    open_github,
    open_logs,
    rest_keys,
    sealing_keys,
)
from ci_bot.workspace.git import git_version

FREE_DISK: Final = 2 * 1024**3
DATABASE: Final = "ci-bot.db"
GATE_DOC: Final = "docs/branch-protection.md"


@dataclass(frozen=True, slots=True)
class Archive:
    """What `ci-bot logs` reads."""

    runs: RunStore
    logs: LogSink


@asynccontextmanager
async def open_archive(settings: Settings) -> AsyncIterator[Archive]:
    """The data of this machine's server, which may be running. Raises `StoreError`."""
    if is_missing(settings):
        raise StoreError(f"there is no ci-bot data in {settings.data_dir}; set data_dir in ci-bot.toml")
    clock = SystemClock()
    database = await Database.open(settings.database, migrate=False)
    try:
        yield Archive(RunStore(database, clock), open_logs(settings))
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Examination:
    """Something to look at: returns one line if it is well, raises `CiBotError` in words if not."""

    what: str
    look: Callable[[], Awaitable[str]]


def examinations(settings: Settings, repo: str | None = None) -> Sequence[Examination]:
    """`repo` "owner/name": also what its default branch demands of a merge."""
    gate = () if repo is None else (Examination("gate", partial(_look_at_gate, settings, repo)),)
    return (
        Examination("docker", partial(_look_at_engine, settings)),
        Examination("git", git_version),
        Examination("disk", partial(look_at_disk, settings, FREE_DISK)),
        Examination("database", partial(_look_at_database, settings)),
        Examination("github", partial(_look_at_github, settings)),
        Examination("secrets", partial(_look_at_keys, settings)),
        *gate,
    )


async def _look_at_engine(settings: Settings) -> str:
    executor = open_executor(settings, "doctor")
    try:
        await executor.look(settings.default_image)
        return await executor.check()
    finally:
        await executor.close()


async def _look_at_database(settings: Settings) -> str:
    if is_missing(settings):
        return "not there yet; `ci-bot serve` makes it"
    database = await Database.open(settings.database, migrate=False)
    try:
        aside = await InboxStore(database, SystemClock()).count_set_aside()
    finally:
        await database.close()
    if aside:
        raise StoreError(
            f"{aside} deliveries failed for good and were set aside; the server's log says why, and "
            "redelivering one (App settings, Advanced) tries it again"
        )
    return f"answers at {settings.database.rpartition('@')[2]}"


def is_missing(settings: Settings) -> bool:
    return not settings.database_url and not (settings.data_dir / DATABASE).exists()


async def _look_at_keys(settings: Settings) -> str:
    """Only what is there: the server makes the files."""
    there = [settings.keys / name for name in ("sealing.key", "secrets.key")]
    if not all(path.exists() for path in there):
        return "no keys yet; `ci-bot serve` makes them"
    warnings = [each for each in (sealing_keys(settings).warning, rest_keys(settings).warning) if each]
    if warnings:
        raise SettingsError(warnings)
    return f"sealed for key {sealing_keys(settings).public.id}; its file in {settings.keys}"


def _github(settings: Settings) -> GitHubSettings:
    if settings.github is None:
        raise SettingsError(
            ["is not set up; app_id, private_key and webhook_secret belong under [github]"]
        )
    return settings.github


async def _look_at_gate(settings: Settings, repo: str) -> str:
    async with AsyncExitStack() as stack:
        github = await open_github(stack, settings, _github(settings), SystemClock(), lambda _: None)
        found = await github.examine_gate(repo)
    if found.problems:
        raise SettingsError(found.problems)
    queue = f"; its merge queue needs merge_group in the file's on, see {GATE_DOC}"
    return f"{repo}: ci-bot is required on {found.branch}, from this App" + (
        queue if found.has_merge_queue else ""
    )


async def _look_at_github(settings: Settings) -> str:
    async with AsyncExitStack() as stack:
        github = await open_github(stack, settings, _github(settings), SystemClock(), lambda _: None)
        problems = await github.examine()
    if problems:
        raise SettingsError(problems)
    return f"the App may do what it needs at {_github(settings).api_url}"
