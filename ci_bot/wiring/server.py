"""The server: settings in, every part opened and put together, out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from ci_bot.archive.logs import FileLogs
from ci_bot.core.errors import ForgeDenied, SettingsError
from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Run
from ci_bot.core.page.access import PageRules
from ci_bot.core.pipeline import Limits
from ci_bot.core.trust import Vouched
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.flow import housekeeping
from ci_bot.flow.bell import Bell
from ci_bot.flow.commands import Commands
from ci_bot.flow.decide import Decider
from ci_bot.flow.effects import Performer
from ci_bot.flow.facts import Facts, Reader
from ci_bot.flow.housekeeping import Housekeeper
from ci_bot.flow.known import Known
from ci_bot.flow.meters import Meters
from ci_bot.flow.notices import Notices
from ci_bot.flow.publish import Publisher
from ci_bot.flow.receive import Receiver
from ci_bot.flow.reconcile import (
    ASK_AGAIN_SECONDS,
    FOUND,
    LOOK_AT_HEADS_SECONDS,
    Findings,
    Reconciler,
)
from ci_bot.flow.room import Room
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steering import SOURCE, Steered, Steering, SteeringParser
from ci_bot.flow.steps import StepRunner
from ci_bot.flow.stocks import Stocks
from ci_bot.flow.timers import Chore, Reaper, make_timers
from ci_bot.flow.tracing import Tracing
from ci_bot.flow.worker import Worker
from ci_bot.forges.github import GitHub, GitHubWebhook
from ci_bot.links import Links
from ci_bot.ports import CloneSource, Notifier
from ci_bot.secrets.keys import Keyring
from ci_bot.secrets.vault import OpenVault
from ci_bot.settings import GitHubSettings, Settings
from ci_bot.store import (
    ApprovalStore,
    Database,
    DecisionStore,
    EffectStore,
    InboxStore,
    PublicationStore,
    RepositoryStore,
    RetentionStore,
    RunListStore,
    RunStore,
    SecretStore,
    StockStore,
    TokenStore,
)
from ci_bot.system import SystemClock, SystemIds
from ci_bot.web.api import Guesses, Parts, make_api
from ci_bot.web.app import make_app
from ci_bot.web.health import Check
from ci_bot.web.site import Site
from ci_bot.wiring.files import free_under, instance_of, locked, look_at_disk, make_dirs, marks
from ci_bot.wiring.keyfiles import require_keys
from ci_bot.wiring.parts import (
    open_executor,
    open_github,
    open_logs,
    open_notifier,
    open_tracing,
    open_vault,
    policies,
    retention,
)
from ci_bot.workspace.checkouts import GitWorkspaces

KEEP_SECRETS_SECONDS: Final = 24 * 3600
TIDY_SECONDS: Final = 3600
NEEDED_DISK: Final = 64 * 1024**2  # below that not even an event may be stored


@dataclass(frozen=True, slots=True)
class Server:
    """Everything opened and put together; `work` is what it does besides answering HTTP."""

    app: web.Application
    decider: Decider
    worker: Worker
    publisher: Publisher
    performer: Performer
    reaper: Reaper
    reconciler: Reconciler
    timers: AsyncIOScheduler

    async def work(self) -> None:
        """Until cancelled; then running containers go on and wait to be adopted."""
        await self.reaper.reap()
        self.timers.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._catch_up())
                for part in (self.decider, self.worker, self.publisher, self.performer):
                    group.create_task(part.run())
        finally:
            self.timers.shutdown(wait=False)

    async def _catch_up(self) -> None:
        """What came to pass while no server ran."""
        await self.reconciler.ask_again()
        await self.reconciler.look_at_heads()


@asynccontextmanager
async def open_server(settings: Settings, known: Known) -> AsyncIterator[Server]:
    """Opens, in this order, data directory, database, forge and engine. Raises `CiBotError`.

    `known` is told every token and every secret before it is used, for whoever writes logs.
    """
    if settings.github is None:
        raise SettingsError(["github: is missing"])
    async with AsyncExitStack() as stack:
        yield _put_together(await _Opened.open(stack, settings, settings.github, known))


@dataclass(frozen=True, slots=True)
class _Bells:
    arrived: Bell = field(default_factory=Bell)  # a delivery is stored
    ready: Bell = field(default_factory=Bell)  # a job may be claimed
    cancelled: Bell = field(default_factory=Bell)  # a job is not wanted any more
    changed: Bell = field(default_factory=Bell)  # the forge shows less than the truth
    effects: Bell = field(default_factory=Bell)  # there is something to do on the forge


@dataclass(frozen=True, slots=True)
class _Opened:
    """What was opened, and is closed again by the exit stack."""

    settings: Settings
    clock: SystemClock
    ids: SystemIds
    database: Database
    github: GitHub
    webhook: GitHubWebhook
    tokens: Known  # minted ones: in no step's output
    known: Known  # all that is in no log of ours
    vault: OpenVault
    notifier: Notifier
    links: Links
    logs: FileLogs
    executor: DockerExecutor
    workspaces: GitWorkspaces
    holder: str
    meters: Meters
    bells: _Bells
    room: Room
    tracing: Tracing

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, settings: Settings, github: GitHubSettings, known: Known
    ) -> _Opened:
        make_dirs(settings)
        stack.enter_context(locked(settings.data_dir))
        clock, ids = SystemClock(), SystemIds()
        database = await Database.open(settings.database)
        stack.push_async_callback(database.close)
        await require_keys(settings, SecretStore(database))
        tokens = Known()

        def on_token(token: bytes) -> None:
            tokens.add(token)
            known.add(token)

        meters, bells = Meters(), _Bells()
        adapter = await open_github(stack, settings, github, clock, on_token, meters.forge_called)
        instance = instance_of(settings.data_dir)
        executor = open_executor(settings, instance)
        stack.push_async_callback(executor.close)
        vault = open_vault(settings, database, clock, known)
        return cls(
            settings=settings,
            clock=clock,
            ids=ids,
            database=database,
            github=adapter,
            webhook=GitHubWebhook([github.webhook_secret.get_secret_value()], github.app_id),
            tokens=tokens,
            known=known,
            notifier=open_notifier(settings, known.add),
            vault=vault,
            links=Links.of(settings.public_url, settings.data_dir),
            logs=open_logs(settings),
            executor=executor,
            workspaces=GitWorkspaces(
                settings.data_dir, ca_file=settings.ca_file, proxy=settings.proxy or ""
            ),
            holder=f"{instance}/{ids.new()}",
            meters=meters,
            bells=bells,
            room=Room(
                marks(settings),
                free_under,
                PublicationStore(database, clock),
                bells.changed,
                clock,
                meters,
            ),
            tracing=open_tracing(
                stack, settings, DecisionStore(database, clock, ids), vault, tokens, clock
            ),
        )


def _put_together(opened: _Opened) -> Server:
    runs = RunStore(opened.database, opened.clock)
    reaper = Reaper(opened.holder, opened.executor, opened.workspaces, runs)
    reconciler = _reconciler(opened)
    return Server(
        app=_app(opened, runs),
        decider=_decider(opened, runs),
        worker=_worker(opened, runs),
        publisher=_publisher(opened),
        performer=_performer(opened),
        reaper=reaper,
        reconciler=reconciler,
        timers=make_timers(
            reaper,
            opened.workspaces.prune_mirrors,
            SecretStore(opened.database).purge,
            max(KEEP_SECRETS_SECONDS, opened.settings.limits.job_timeout),
            opened.clock,
            (
                Chore(_housekeeper(opened).tidy, TIDY_SECONDS),
                Chore(reconciler.ask_again, ASK_AGAIN_SECONDS),
                Chore(reconciler.look_at_heads, LOOK_AT_HEADS_SECONDS),
            ),
        ),
    )


def _housekeeper(opened: _Opened) -> Housekeeper:
    """One more kind of thing that is kept for a while is one more shelf here."""
    past, clock = RetentionStore(opened.database), opened.clock
    keep = retention(opened.settings)
    shelves = (
        housekeeping.Deliveries(past, keep, clock),
        housekeeping.Runs(past, opened.logs, keep, clock),
        housekeeping.Logs(past, opened.logs, keep, clock),
        housekeeping.FreePages(past),
    )
    return Housekeeper(shelves, opened.meters)


def _app(opened: _Opened, runs: RunStore) -> web.Application:
    inbox = InboxStore(opened.database, opened.clock)
    receiver = Receiver(
        {"github": opened.webhook},
        inbox,
        opened.bells.arrived,
        opened.meters,
        opened.settings.command_prefix,
    )
    checks: dict[str, Check] = {
        "database": opened.database.ping,
        "disk": partial(look_at_disk, opened.settings, NEEDED_DISK),
        "room": opened.room.check,
        "engine": opened.executor.check,
    }
    settings = opened.settings

    def public_key() -> str:
        return Keyring.read(settings.keys / "sealing.key").public.to_text()

    return make_app(
        receiver,
        _site(opened, runs),
        opened.meters,
        checks,
        public_key,
        Stocks(StockStore(opened.database, opened.clock), opened.clock, opened.meters).refresh,
        _api(opened, runs, inbox),
    )


def _site(opened: _Opened, runs: RunStore) -> Site:
    settings = opened.settings
    return Site(
        runs,
        RunListStore(opened.database),
        opened.logs,
        opened.links,
        opened.vault,
        opened.clock,
        PageRules(settings.open_pages, settings.links_expire),
        opened.github.page_of,
        retention(settings),
    )


def _api(opened: _Opened, runs: RunStore, inbox: InboxStore) -> web.Application:
    parts = Parts(
        tokens=TokenStore(opened.database, opened.clock),
        runs=runs,
        listing=RunListStore(opened.database),
        logs=opened.logs,
        vault=opened.vault,
        steering=Steering(inbox, opened.ids, opened.bells.arrived),
        clock=opened.clock,
        on_token=opened.known.add,
        guesses=Guesses(opened.clock),
    )
    return make_api(parts)


def _decider(opened: _Opened, runs: RunStore) -> Decider:
    bells, clock = opened.bells, opened.clock
    decisions = DecisionStore(opened.database, clock, opened.ids)
    facts = _facts(opened, decisions)
    return Decider(
        {"github": opened.webhook, FOUND: Findings(), SOURCE: SteeringParser()},
        facts,
        Commands(facts, clock, opened.settings.command_prefix),
        InboxStore(opened.database, clock),
        decisions,
        clock,
        bells.arrived,
        (bells.ready, bells.cancelled, bells.changed, bells.effects),
        opened.meters,
        Steered(TokenStore(opened.database, clock), runs, clock),
        opened.tracing,
    )


def _reconciler(opened: _Opened) -> Reconciler:
    clock = opened.clock
    return Reconciler(
        {"github": opened.github},
        RepositoryStore(opened.database),
        DecisionStore(opened.database, clock, opened.ids),
        InboxStore(opened.database, clock),
        clock,
        opened.bells.arrived,
    )


def _facts(opened: _Opened, decisions: DecisionStore) -> Facts:
    settings = opened.settings
    return Facts(
        {"github": opened.github},
        decisions,
        ApprovalStore(opened.database),
        policies(settings),
        Reader(settings.default_image, Limits(max_timeout=settings.limits.job_timeout)),
        opened.clock,
    )


def _worker(opened: _Opened, runs: RunStore) -> Worker:
    async def source(run: Run) -> CloneSource:
        return await opened.github.clone_source(run.repo, run.pull)

    async def vouch(repo: Repo, actor: Actor) -> Vouched:
        try:
            return Vouched(actor, await opened.github.permission(repo, actor))
        except ForgeDenied:
            return Vouched(actor, None)

    steps = StepRunner(
        runs,
        opened.logs,
        opened.vault,
        opened.tokens.values,
        opened.clock,
        opened.links.url,
        opened.meters,
    )
    runner = JobRunner(
        opened.executor,
        opened.workspaces,
        source,
        vouch,
        runs,
        steps,
        opened.clock,
        opened.meters,
        opened.tracing,
    )
    bells = opened.bells
    return Worker(
        opened.holder,
        opened.settings.max_jobs,
        runs,
        runner,
        opened.clock,
        bells.ready,
        bells.cancelled,
        (bells.changed, bells.effects),
        opened.meters,
        opened.room.look,
    )


def _performer(opened: _Opened) -> Performer:
    effects = EffectStore(opened.database, opened.clock)
    return Performer(
        {"github": opened.github},
        effects,
        opened.clock,
        opened.bells.effects,
        opened.meters,
        Notices(opened.notifier, effects, opened.vault, opened.links.url),
    )


def _publisher(opened: _Opened) -> Publisher:
    return Publisher(
        {"github": opened.github},
        PublicationStore(opened.database, opened.clock),
        opened.logs,
        opened.vault,
        opened.tokens,
        opened.clock,
        opened.links.url,
        opened.bells.changed,
        opened.meters,
        opened.settings.command_prefix,
        lambda: opened.room.why,
        opened.tracing,
    )
