"""One run of a working tree on this machine: the server's engine, store and worker, without forge and web."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci_bot.archive.logs import FileLogs
from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Run
from ci_bot.core.trust import Vouched
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steps import StepRunner
from ci_bot.flow.worker import Worker
from ci_bot.ports import CloneSource, Decisions, LogSink, Runs
from ci_bot.secrets.local import LocalVault
from ci_bot.settings import Settings
from ci_bot.store import Database, DecisionStore, RunStore
from ci_bot.system import SystemClock, SystemIds
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
    logs: LogSink
    worker: Worker

    async def work(self) -> None:
        await self.worker.run()

    async def idle(self) -> None:
        """Returns when no job is held any more: containers and workspaces are removed by then."""
        await self.worker.idle()


@asynccontextmanager
async def open_local(
    settings: Settings, tree: Tree, secrets: Mapping[str, str], tell: Callable[[str], None]
) -> AsyncIterator[Local]:
    """A directory of its own for this one run, removed at the end. `tell` gets warnings.

    `secrets` are what the steps may ask for, by name.

    Raises `CiBotError`.
    """
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ci-bot-run-")))
        clock, ids, meters = SystemClock(), SystemIds(), Meters()
        database = await Database.open(f"sqlite+aiosqlite:///{home / 'ci-bot.db'}")
        stack.push_async_callback(database.close)
        instance = ids.new()
        runs = RunStore(database, clock, ids)
        logs = FileLogs(home / "logs", limit=settings.limits.log)
        here = settings.model_copy(update={"data_dir": home, "run_dir": home / "run"})
        executor = open_executor(here, instance)
        stack.push_async_callback(executor.close)
        await executor.check()
        ready, cancelled = Bell(), Bell()
        runner = JobRunner(
            executor,
            LocalWorkspaces(home, tree.root, tell),
            _no_source,
            _no_vouching,
            runs,
            StepRunner(runs, logs, LocalVault(secrets), tuple, clock, _local_link, meters),
            clock,
            meters,
        )
        holder = f"{instance}/{ids.new()}"
        yield Local(
            repo=Repo(LOCAL, 0, tree.root.name, tree.branch, private=True, tenant=""),
            actor=Actor(os.getuid(), tree.author),
            decisions=DecisionStore(database, clock, ids),
            runs=runs,
            logs=logs,
            worker=Worker(holder, settings.max_jobs, runs, runner, clock, ready, cancelled, (), meters),
        )


async def _no_source(_run: Run) -> CloneSource:
    return CloneSource("", "", "")


async def _no_vouching(_repo: Repo, actor: Actor) -> Vouched:
    return Vouched(actor, None)  # nobody is asked about: a local run rests on nobody else's word


def _local_link(_run_id: str, _job_id: str | None) -> str:
    return ""
