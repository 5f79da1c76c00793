"""What a server opens, in this order: data directory, database, forges, engine."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from ci_bot.archive.logs import FileLogs
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.flow.bell import Bell
from ci_bot.flow.known import Known
from ci_bot.flow.meters import Meters
from ci_bot.flow.room import Room
from ci_bot.flow.tracing import Tracing
from ci_bot.links import Links
from ci_bot.ports import Notifier
from ci_bot.secrets.vault import OpenVault
from ci_bot.settings import Settings
from ci_bot.store import (
    Database,
    DecisionStore,
    OneServer,
    PublicationStore,
    SecretStore,
)
from ci_bot.system import SystemClock, SystemIds
from ci_bot.wiring.files import free_under, instance_of, locked, locked_database, make_dirs, marks
from ci_bot.wiring.forges import Forges, open_forges
from ci_bot.wiring.kept import open_logs
from ci_bot.wiring.keyfiles import require_keys
from ci_bot.wiring.parts import open_executor, open_notifier, open_tracing, open_vault
from ci_bot.workspace.checkouts import GitWorkspaces


@dataclass(frozen=True, slots=True)
class Bells:
    arrived: Bell = field(default_factory=Bell)  # a delivery is stored
    ready: Bell = field(default_factory=Bell)  # a job may be claimed
    cancelled: Bell = field(default_factory=Bell)  # a job is not wanted any more
    changed: Bell = field(default_factory=Bell)  # the forge shows less than the truth
    effects: Bell = field(default_factory=Bell)  # there is something to do on the forge


@dataclass(frozen=True, slots=True)
class Opened:
    """What was opened, and is closed again by the exit stack."""

    settings: Settings
    clock: SystemClock
    ids: SystemIds
    database: Database
    one: OneServer | None  # None: a file lock does it
    forges: Forges
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
    bells: Bells
    room: Room
    tracing: Tracing

    @classmethod
    async def open(cls, stack: AsyncExitStack, settings: Settings, known: Known) -> Opened:
        make_dirs(settings)
        stack.enter_context(locked(settings.data_dir))
        stack.enter_context(locked_database(settings))
        clock, ids = SystemClock(), SystemIds()
        instance = instance_of(settings.data_dir)
        database, one = await _open_database(stack, settings, instance)
        await require_keys(settings, SecretStore(database))
        tokens = Known()

        def on_token(token: bytes) -> None:
            tokens.add(token)
            known.add(token)

        meters, bells = Meters(), Bells()
        forges = await open_forges(stack, settings, clock, on_token, meters.forge_called)
        executor = open_executor(settings, instance)
        stack.push_async_callback(executor.close)
        vault = open_vault(settings, database, clock, known)
        return cls(
            settings=settings,
            clock=clock,
            ids=ids,
            database=database,
            one=one,
            forges=forges,
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
            room=_room(settings, database, bells, clock, meters),
            tracing=open_tracing(
                stack, settings, DecisionStore(database, clock, ids), vault, tokens, clock
            ),
        )


def _room(
    settings: Settings, database: Database, bells: Bells, clock: SystemClock, meters: Meters
) -> Room:
    publications = PublicationStore(database, clock)
    return Room(marks(settings), free_under, publications, bells.changed, clock, meters)


async def _open_database(
    stack: AsyncExitStack, settings: Settings, instance: str
) -> tuple[Database, OneServer | None]:
    """With what says that no other server uses it; a file of SQLite's is locked as a file."""
    database = await Database.open(settings.database)
    stack.push_async_callback(database.close)
    if database.is_sqlite:
        return database, None
    one = OneServer(database, instance)
    await one.take()
    stack.push_async_callback(one.close)
    return database, one
