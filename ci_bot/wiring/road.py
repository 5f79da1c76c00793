"""The parts of a server that take events along the road, put together."""

from __future__ import annotations

from ci_bot.core.errors import ForgeDenied
from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Run
from ci_bot.core.trust import Vouched
from ci_bot.flow.commands import Commands
from ci_bot.flow.cron import Ticker, Ticks
from ci_bot.flow.decide import Decider
from ci_bot.flow.deploying import Deployments
from ci_bot.flow.effects import Performer
from ci_bot.flow.facts import Facts, Reader
from ci_bot.flow.files import JobFiles
from ci_bot.flow.notices import Notices
from ci_bot.flow.publish import Publisher
from ci_bot.flow.reconcile import (
    FOUND,
    Findings,
    Reconciler,
)
from ci_bot.flow.run import JobRunner
from ci_bot.flow.steering import SOURCE, Steered, SteeringParser
from ci_bot.flow.steps import StepRunner
from ci_bot.flow.ticking import Scheduled
from ci_bot.flow.worker import Worker
from ci_bot.ports import TICKS, CloneSource, EventParser
from ci_bot.store import (
    ApprovalStore,
    DecisionStore,
    EffectStore,
    InboxStore,
    PublicationStore,
    RepositoryStore,
    RunStore,
    ScheduleStore,
    TokenStore,
)
from ci_bot.wiring.forges import ByForge
from ci_bot.wiring.kept import file_stores
from ci_bot.wiring.opened import Opened
from ci_bot.wiring.parts import policies


def decider(opened: Opened, runs: RunStore) -> Decider:
    bells, clock = opened.bells, opened.clock
    decisions = DecisionStore(opened.database, clock, opened.ids)
    facts, schedules = _facts(opened, decisions), ScheduleStore(opened.database, clock)
    own: dict[str, EventParser] = {FOUND: Findings(), SOURCE: SteeringParser(), TICKS: Ticks()}
    return Decider(
        ByForge[EventParser]({**opened.forges.webhooks, **own}),
        facts,
        Commands(facts, schedules, clock, opened.settings.command_prefix, lambda: opened.room.why),
        InboxStore(opened.database, clock),
        decisions,
        clock,
        bells.arrived,
        (bells.ready, bells.cancelled, bells.changed, bells.effects),
        opened.meters,
        Steered(TokenStore(opened.database, clock), runs, clock),
        Scheduled(opened.forges.adapters, facts, schedules),
        opened.tracing,
    )


def reconciler(opened: Opened) -> Reconciler:
    clock = opened.clock
    return Reconciler(
        opened.forges.adapters,
        RepositoryStore(opened.database),
        DecisionStore(opened.database, clock, opened.ids),
        InboxStore(opened.database, clock),
        clock,
        opened.bells.arrived,
    )


def ticker(opened: Opened) -> Ticker:
    schedules = ScheduleStore(opened.database, opened.clock)
    return Ticker(schedules, opened.clock, opened.bells.arrived)


def _facts(opened: Opened, decisions: DecisionStore) -> Facts:
    settings = opened.settings
    return Facts(
        opened.forges.adapters,
        decisions,
        ApprovalStore(opened.database),
        policies(settings),
        Reader(settings.default_image, settings.limits.of_files),
        opened.clock,
        opened.workspaces,
    )


def worker(opened: Opened, runs: RunStore) -> Worker:
    async def source(run: Run) -> CloneSource:
        return await opened.forges.of(run.repo).clone_source(run.repo, run.pull)

    async def vouch(repo: Repo, actor: Actor) -> Vouched:
        try:
            return Vouched(actor, await opened.forges.of(repo).permission(repo, actor))
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
        opened.bells.changed.ring,
    )
    runner = JobRunner(
        opened.executor,
        opened.workspaces,
        source,
        vouch,
        runs,
        steps,
        JobFiles(
            file_stores(opened.settings, opened.database, opened.clock),
            opened.vault,
            opened.tokens.values,
            opened.clock,
            opened.ids,
        ),
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


def performer(opened: Opened) -> Performer:
    effects = EffectStore(opened.database, opened.clock)
    return Performer(
        opened.forges.adapters,
        effects,
        opened.clock,
        opened.bells.effects,
        opened.meters,
        Notices(opened.notifier, effects, opened.vault, opened.links.url),
    )


def publisher(opened: Opened) -> Publisher:
    publications = PublicationStore(opened.database, opened.clock)
    return Publisher(
        opened.forges.adapters,
        publications,
        opened.logs,
        opened.vault,
        opened.tokens,
        opened.clock,
        opened.links.url,
        opened.bells.changed,
        opened.meters,
        Deployments(opened.forges.adapters, publications, opened.links.url),
        opened.settings.command_prefix,
        lambda: opened.room.why,
        opened.tracing,
    )
