"""The only file that names concrete adapters: settings in, a working server (or local runner) out."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.archive.logs import FileLogs
from ci_bot.core.errors import SettingsError, StoreError
from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Run
from ci_bot.core.pipeline import Limits
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.images import Credentials
from ci_bot.executors.docker.limits import Limits as StepLimits
from ci_bot.flow.bell import Bell
from ci_bot.flow.decide import Decider, Reader
from ci_bot.flow.meters import Meters
from ci_bot.flow.publish import Publisher
from ci_bot.flow.receive import Receiver
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steps import StepRunner
from ci_bot.flow.timers import Reaper, make_timers
from ci_bot.flow.worker import Worker
from ci_bot.forges.github import GitHub, GitHubWebhook, open_session
from ci_bot.links import Links, read_or_make_key
from ci_bot.ports import CloneSource, Decisions, LogSink, Runs
from ci_bot.settings import GitHubSettings, RegistrySettings, Settings
from ci_bot.store import Database, DecisionStore, InboxStore, PublicationStore, RunStore
from ci_bot.system import SystemClock, SystemIds
from ci_bot.web.app import make_app
from ci_bot.workspace.checkouts import GitWorkspaces
from ci_bot.workspace.git import git_version
from ci_bot.workspace.local import LocalWorkspaces
from ci_bot.workspace.tree import Tree, look_at

__all__ = [
    "Archive",
    "Examination",
    "Local",
    "Server",
    "Tree",
    "examinations",
    "look_at",
    "open_archive",
    "open_local",
    "open_server",
]

TOKENS_REMEMBERED: Final = 512  # minted tokens live an hour; the masker need not know them for ever
FREE_DISK: Final = 2 * 1024**3
LOCAL: Final = "local"
DATABASE: Final = "ci-bot.db"


# ── the server ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Server:
    """Everything opened and put together; `work` is what it does besides answering HTTP."""

    app: web.Application
    decider: Decider
    worker: Worker
    publisher: Publisher
    reaper: Reaper
    timers: AsyncIOScheduler

    async def work(self) -> None:
        """Until cancelled; then running containers go on and wait to be adopted."""
        await self.reaper.reap()
        self.timers.start()
        try:
            async with asyncio.TaskGroup() as group:
                for part in (self.decider, self.worker, self.publisher):
                    group.create_task(part.run())
        finally:
            self.timers.shutdown(wait=False)


@asynccontextmanager
async def open_server(settings: Settings) -> AsyncIterator[Server]:
    """Opens, in this order, data directory, database, forge and engine. Raises `CiBotError`."""
    if settings.github is None:
        raise SettingsError(["github: is missing"])
    async with AsyncExitStack() as stack:
        _make_dirs(settings)
        stack.enter_context(_locked(settings.data_dir))
        clock, ids, meters = SystemClock(), SystemIds(), Meters()
        database = await Database.open(settings.database)
        stack.push_async_callback(database.close)
        tokens: deque[bytes] = deque(maxlen=TOKENS_REMEMBERED)
        github = await _open_github(stack, settings, settings.github, clock, tokens.append)
        instance = _instance(settings.data_dir)
        holder = f"{instance}/{ids.new()}"
        links = Links(settings.public_url, read_or_make_key(settings.data_dir / "links.key"))
        arrived, ready, cancelled, changed = Bell(), Bell(), Bell(), Bell()
        inbox = InboxStore(database, clock)
        decisions = DecisionStore(database, clock, ids)
        runs = RunStore(database, clock)
        logs = _logs(settings)
        executor = _executor(settings, instance)
        stack.push_async_callback(executor.close)
        workspaces = GitWorkspaces(
            settings.data_dir, ca_file=settings.ca_file, proxy=settings.proxy or ""
        )
        forges = {"github": github}
        webhooks = {"github": _webhook(settings.github)}

        async def source(run: Run) -> CloneSource:
            return await forges[run.repo.forge].clone_source(run.repo, run.pull)

        runner = JobRunner(
            executor,
            workspaces,
            source,
            runs,
            StepRunner(runs, logs, lambda: tuple(tokens), clock, links.url),
            clock,
            meters,
        )
        yield Server(
            app=make_app(
                Receiver(webhooks, inbox, arrived, meters),
                runs,
                logs,
                links,
                meters,
                {"database": database.ping, "engine": executor.check},
            ),
            decider=Decider(
                webhooks,
                forges,
                inbox,
                decisions,
                _reader(settings),
                clock,
                arrived,
                (ready, cancelled, changed),
                meters,
            ),
            worker=Worker(
                holder, settings.max_jobs, runs, runner, clock, ready, cancelled, (changed,), meters
            ),
            publisher=Publisher(
                forges,
                PublicationStore(database, clock),
                logs,
                clock,
                links.url,
                changed,
                meters,
            ),
            reaper=(reaper := Reaper(holder, executor, workspaces, runs)),
            timers=make_timers(reaper, workspaces.prune_mirrors, clock),
        )


async def _open_github(
    stack: AsyncExitStack,
    settings: Settings,
    github: GitHubSettings,
    clock: SystemClock,
    on_token: Callable[[bytes], None],
) -> GitHub:
    session = await stack.enter_async_context(open_session(settings.ca_file, settings.proxy))
    adapter = GitHub(
        app_id=github.app_id,
        private_key=github.private_key.get_secret_value(),
        api_url=github.api_url,
        web_url=github.web_url,
        session=session,
        clock=clock,
        on_token=on_token,
    )
    stack.push_async_callback(adapter.close)
    return adapter


def _webhook(github: GitHubSettings) -> GitHubWebhook:
    return GitHubWebhook([github.webhook_secret.get_secret_value()], github.app_id)


def _reader(settings: Settings) -> Reader:
    return Reader(settings.default_image, Limits(max_timeout=settings.limits.job_timeout))


def _logs(settings: Settings) -> FileLogs:
    return FileLogs(settings.data_dir / "logs", limit=settings.limits.log)


def _executor(settings: Settings, instance: str) -> DockerExecutor:
    limits = settings.limits
    return DockerExecutor(
        instance=instance,
        run_dir=settings.run,
        limits=StepLimits(memory=limits.memory, cpus=limits.cpus, pids=limits.pids),
        registries=_Registries(settings.registries),
        base_url=settings.docker_host or None,
    )


class _Registries:
    """The operator's registry credentials, for the repositories each is given to."""

    def __init__(self, registries: Sequence[RegistrySettings]) -> None:
        self._registries = registries

    def is_guarded(self, host: str) -> bool:
        return any(registry.host == host for registry in self._registries)

    def credentials(self, repo: str, host: str) -> Credentials | None:
        for registry in self._registries:
            if registry.host == host and any(fnmatchcase(repo, r) for r in registry.repositories):
                return Credentials(registry.username, registry.password.get_secret_value())
        return None


# ── one run on this machine ──────────────────────────────────────────────────────────────────


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
    settings: Settings, tree: Tree, tell: Callable[[str], None]
) -> AsyncIterator[Local]:
    """A directory of its own for this one run, removed at the end. `tell` gets warnings.

    Raises `CiBotError`.
    """
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ci-bot-run-")))
        clock, ids, meters = SystemClock(), SystemIds(), Meters()
        database = await Database.open(f"sqlite+aiosqlite:///{home / 'ci-bot.db'}")
        stack.push_async_callback(database.close)
        instance = ids.new()
        runs = RunStore(database, clock)
        logs = FileLogs(home / "logs", limit=settings.limits.log)
        here = settings.model_copy(update={"data_dir": home, "run_dir": home / "run"})
        executor = _executor(here, instance)
        stack.push_async_callback(executor.close)
        await executor.check()
        ready, cancelled = Bell(), Bell()
        runner = JobRunner(
            executor,
            LocalWorkspaces(home, tree.root, tell),
            _no_source,
            runs,
            StepRunner(runs, logs, tuple, clock, _local_link),
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


def _local_link(_run_id: str, _job_id: str | None) -> str:
    return ""


# ── reading what a server stored, and examining what it needs ────────────────────────────────


@dataclass(frozen=True, slots=True)
class Archive:
    """What `ci-bot logs` reads."""

    runs: RunStore
    logs: LogSink


@asynccontextmanager
async def open_archive(settings: Settings) -> AsyncIterator[Archive]:
    """The data of this machine's server, which may be running. Raises `StoreError`."""
    if _is_missing(settings):
        raise StoreError(f"there is no ci-bot data in {settings.data_dir}; set data_dir in ci-bot.toml")
    clock = SystemClock()
    database = await Database.open(settings.database, migrate=False)
    try:
        yield Archive(RunStore(database, clock), _logs(settings))
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Examination:
    """Something to look at: returns one line if it is well, raises `CiBotError` in words if not."""

    what: str
    look: Callable[[], Awaitable[str]]


def examinations(settings: Settings) -> Sequence[Examination]:
    return (
        Examination("docker", partial(_look_at_engine, settings)),
        Examination("git", git_version),
        Examination("disk", partial(_look_at_disk, settings)),
        Examination("database", partial(_look_at_database, settings)),
        Examination("github", partial(_look_at_github, settings)),
    )


async def _look_at_engine(settings: Settings) -> str:
    executor = _executor(settings, "doctor")
    try:
        return await executor.check()
    finally:
        await executor.close()


async def _look_at_disk(settings: Settings) -> str:
    """Looks and changes nothing: what is not there yet is the server's to make, as its own user."""
    there = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    if not there.is_dir():
        raise SettingsError([f"data_dir: {there} is not a directory"])
    free = shutil.disk_usage(there).free
    words = f"{free / 1024**3:.1f} GiB free for {settings.data_dir}"
    if free < FREE_DISK:
        raise StoreError(f"only {words}; free some, or set data_dir to a larger disk")
    return words


async def _look_at_database(settings: Settings) -> str:
    if _is_missing(settings):
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


def _is_missing(settings: Settings) -> bool:
    return not settings.database_url and not (settings.data_dir / DATABASE).exists()


async def _look_at_github(settings: Settings) -> str:
    if settings.github is None:
        raise SettingsError(
            ["is not set up; app_id, private_key and webhook_secret belong under [github]"]
        )
    async with AsyncExitStack() as stack:
        github = await _open_github(stack, settings, settings.github, SystemClock(), lambda _: None)
        problems = await github.examine()
    if problems:
        raise SettingsError(problems)
    return f"the App may do what it needs at {settings.github.api_url}"


# ── files ────────────────────────────────────────────────────────────────────────────────────


def _make_dirs(settings: Settings) -> None:
    for name, path in (("data_dir", settings.data_dir), ("run_dir", settings.run)):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError([f"{name}: {path} cannot be made: {error.strerror}"]) from error


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One server for one data directory: two would adopt each other's jobs."""
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"another ci-bot uses {data_dir}; stop it, or set another data_dir"
            ) from None
        yield


def _instance(data_dir: Path) -> str:
    """This server's lasting name, which its containers carry; made at the first start."""
    path = data_dir / "instance"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(SystemIds().new())
        fresh.replace(path)
    return path.read_text().strip()
