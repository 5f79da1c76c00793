"""One run of a working tree on this machine: the server's engine, store and worker, without forge and web."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from ci_bot.archive.logs import FileLogs
from ci_bot.archive.packs import FilePacks
from ci_bot.core.errors import EngineError
from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Run
from ci_bot.core.trust import Vouched
from ci_bot.flow.bell import Bell
from ci_bot.flow.files import FileStores, JobFiles
from ci_bot.flow.housekeeping import Caches
from ci_bot.flow.meters import Meters
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steps import StepRunner
from ci_bot.flow.worker import Worker
from ci_bot.ports import CloneSource, Decisions, Executor, LogSink, Packs, Runs
from ci_bot.secrets.local import LocalVault
from ci_bot.settings import Settings
from ci_bot.store import CacheStore, Database, DecisionStore, RunStore
from ci_bot.system import SystemClock, SystemIds
from ci_bot.wiring.kept import file_stores, retention
from ci_bot.wiring.leftovers import leave_nothing, own_home, remove_leftovers
from ci_bot.wiring.parts import open_executor
from ci_bot.workspace.local import LocalWorkspaces
from ci_bot.workspace.tree import Tree, look_at

__all__ = ["Local", "Tree", "look_at", "open_local"]

LOCAL: Final = "local"


@dataclass(frozen=True, slots=True)
class Local:
    """The same engine, store and worker as the server's, without forge and without web."""

    repo: Repo
    actor: Actor
    decisions: Decisions
    runs: Runs
    written: Bell  # rung when anything of the run has changed
    logs: LogSink
    artifacts: Packs
    worker: Worker

    async def work(self) -> None:
        await self.worker.run()

    async def idle(self) -> None:
        """Returns when no job is held any more: containers and workspaces are removed by then."""
        await self.worker.idle()


@asynccontextmanager
async def open_local(
    settings: Settings,
    tree: Tree,
    secrets: Mapping[str, str],
    tell: Callable[[str], None],
    *,
    has_caches: bool = False,
) -> AsyncIterator[Local]:
    """A directory of its own for this one run, removed at the end; caches are kept. `tell` gets warnings.

    `secrets` are what the steps may ask for, by name.

    Raises `CiBotError`.
    """
    async with AsyncExitStack() as stack:
        clock, ids, meters = SystemClock(), SystemIds(), Meters()
        instance = ids.new()
        home = stack.enter_context(own_home(settings, instance))
        ready, cancelled, written = Bell(), Bell(), Bell()
        url = f"sqlite+aiosqlite:///{home / 'ci-bot.db'}"
        database = await Database.open(url, written=written.ring)
        stack.push_async_callback(database.close)
        runs = RunStore(database, clock, ids)
        logs = FileLogs(home / "logs", limit=settings.limits.log)
        here = settings.model_copy(update={"data_dir": home, "run_dir": home / "run"})
        executor = await _open_engine(stack, here, instance, tell)
        workspaces = LocalWorkspaces(home, tree.root, tell)
        stack.push_async_callback(workspaces.close)
        vault = LocalVault(secrets)
        stores = file_stores(here, database, clock)
        if has_caches:
            stores = await _with_kept_caches(stack, stores, settings, clock, tree)
        steps = StepRunner(runs, logs, vault, tuple, clock, _local_link, meters)
        files = JobFiles(stores, vault, tuple, clock, ids)
        runner = JobRunner(
            executor, workspaces, _no_source, _no_vouching, runs, steps, files, clock, meters
        )
        holder = f"{instance}/{ids.new()}"
        yield Local(
            repo=Repo(LOCAL, 0, tree.root.name, tree.branch, private=True, tenant=""),
            actor=Actor(os.getuid(), tree.author),
            decisions=DecisionStore(database, clock, ids),
            runs=runs,
            written=written,
            logs=logs,
            artifacts=stores.artifacts,
            worker=Worker(holder, settings.max_jobs, runs, runner, clock, ready, cancelled, (), meters),
        )


async def _open_engine(
    stack: AsyncExitStack, settings: Settings, instance: str, tell: Callable[[str], None]
) -> Executor:
    executor = open_executor(settings, instance)
    stack.push_async_callback(executor.close)
    await executor.check()
    await remove_leftovers(settings, tell)
    stack.push_async_callback(_leave_nothing, executor, tell)
    return executor


async def _leave_nothing(executor: Executor, tell: Callable[[str], None]) -> None:
    """No server comes after us that would reap what a broken job left on the engine."""
    try:
        await leave_nothing(executor)
    except EngineError as error:
        tell(f"something of this run stays on the engine: {error}")


async def _with_kept_caches(
    stack: AsyncExitStack, stores: FileStores, settings: Settings, clock: SystemClock, tree: Tree
) -> FileStores:
    """They stay in the person's own folder for such things, and never meet those of a server; the longest
    unused go when a run is over."""
    folder = cache_folder(tree)
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    known = await Database.open(f"sqlite+aiosqlite:///{folder / 'caches.db'}")
    stack.push_async_callback(known.close)
    cached, packs = CacheStore(known, clock), FilePacks(folder / "caches")
    stack.push_async_callback(Caches(cached, packs, retention(settings), clock).tidy)
    return replace(stores, caches=packs, cached=cached)


def cache_folder(tree: Tree) -> Path:
    """Of one working tree. https://specifications.freedesktop.org/basedir-spec/latest/"""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "ci-bot" / sha256(os.fsencode(tree.root)).hexdigest()[:16]


async def _no_source(_run: Run) -> CloneSource:
    return CloneSource("", "", "")


async def _no_vouching(_repo: Repo, actor: Actor) -> Vouched:
    return Vouched(actor, None)  # nobody is asked about: a local run rests on nobody else's word


def _local_link(_run_id: str, _job_id: str | None) -> str:
    return ""
