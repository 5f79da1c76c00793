"""2. decide: a stored delivery → its event → the facts about it → one Decision, committed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from ci_bot.core import asking, changes, deciding, reconciling
from ci_bot.core.asking import Candidate
from ci_bot.core.deciding import Head
from ci_bot.core.decisions import Decision
from ci_bot.core.errors import CiBotError, StoreError
from ci_bot.core.events import (
    NO_SHA,
    Button,
    ButtonPressed,
    CommentDeleted,
    Commented,
    Event,
    MergeGroupAsked,
    MergeGroupDropped,
    Pull,
    PullFound,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    PushFound,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    RunSteered,
    SchedulesFound,
    TagPushed,
    TenantChanged,
    Ticked,
)
from ci_bot.core.manners import numbered
from ci_bot.core.model import Run, RunKind
from ci_bot.core.occasion import Changed
from ci_bot.core.patience import is_hopeless, pause
from ci_bot.core.report import runs_of_check
from ci_bot.core.trust import Vouched
from ci_bot.flow.bell import NET_SECONDS, SOON_SECONDS, Bell
from ci_bot.flow.commands import Commands
from ci_bot.flow.facts import Facts
from ci_bot.flow.meters import Meters
from ci_bot.flow.steering import Steered
from ci_bot.flow.ticking import Scheduled
from ci_bot.flow.tracing import NO_TRACING, Tracing
from ci_bot.ports import Clock, Decisions, EventParser, Inbox, StoredDelivery

_log = structlog.get_logger()
AT_ONCE = 4  # deliveries decided at the same time; more would keep webhooks waiting for their answer

_Told = TypeVar("_Told", Pushed, TagPushed)


class Decider:
    """Takes deliveries in order, one at a time for each repository, until it is cancelled."""

    def __init__(
        self,
        parsers: Mapping[str, EventParser],
        facts: Facts,
        commands: Commands,
        inbox: Inbox,
        decisions: Decisions,
        clock: Clock,
        arrived: Bell,
        decided: tuple[Bell, ...],
        meters: Meters,
        steered: Steered,
        scheduled: Scheduled,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._parsers = parsers
        self._facts = facts
        self._commands = commands
        self._inbox = inbox
        self._decisions = decisions
        self._clock = clock
        self._arrived = arrived
        self._decided = decided
        self._meters = meters
        self._tracing = tracing
        self._steered = steered
        self._scheduled = scheduled
        self._in_flight: dict[int, StoredDelivery] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                net = SOON_SECONDS
                try:
                    await self._begin_all(group)
                    net = NET_SECONDS
                except StoreError as error:
                    _log.warning("nothing decided", error=str(error))
                except Exception:  # noqa: BLE001 - the loop's edge: one part must not end the others
                    _log.exception("nothing decided: a bug of ours")
                await self._arrived.wait(net)

    async def work_off(self) -> int:
        """Decides what is due now, of each repository the first; returns how many deliveries that were."""
        stored = await self._inbox.pending(AT_ONCE)
        await asyncio.gather(*(self._handle(item) for item in stored))
        return len(stored)

    async def _begin_all(self, group: asyncio.TaskGroup) -> None:
        """A repository whose forge is slow holds up nobody but itself."""
        free = AT_ONCE - len(self._in_flight)
        busy = {item.delivery.turn for item in self._in_flight.values()} - {""}
        for item in await self._inbox.pending(AT_ONCE, busy) if free else ():
            if item.id not in self._in_flight and len(self._in_flight) < AT_ONCE:
                self._in_flight[item.id] = item
                group.create_task(self._handle_in_flight(item))

    async def _handle_in_flight(self, stored: StoredDelivery) -> None:
        try:
            await self._handle(stored)
        finally:
            del self._in_flight[stored.id]
            self._arrived.ring()

    async def _handle(self, stored: StoredDelivery) -> None:
        log = _log.bind(delivery=stored.delivery.delivery_id)
        began = self._clock.now()
        try:
            decision = await self._decide(stored)
        except Exception as error:  # noqa: BLE001 - the loop's edge: one bad item must not stop the rest
            await self._failed(stored, error)
            return
        self._meters.decided.labels("decided").inc()
        self._meters.decide_seconds.observe(max(0.0, self._clock.now() - stored.received_at))
        log.info("decided", reason=decision.reason)
        for bell in self._decided:
            bell.ring()
        await self._tracing.decided(stored, decision, began)

    async def _failed(self, stored: StoredDelivery, error: Exception) -> None:
        for_good = is_hopeless(error, stored.tries)
        self._meters.decided.labels("set_aside" if for_good else "failed").inc()
        _log.warning(
            "delivery set aside" if for_good else "delivery postponed",
            delivery=stored.delivery.delivery_id,
            error=f"{type(error).__name__}: {error}",
            exc_info=None if isinstance(error, CiBotError) else error,
        )
        retry_at = None if for_good else self._clock.now() + pause(error, stored.tries)
        try:
            await self._inbox.fail(stored.id, f"{type(error).__name__}: {error}", retry_at)
            if retry_at is not None:
                self._arrived.ring_after(retry_at - self._clock.now())
        except StoreError as unstored:  # it stays due, but a store that takes nothing is given time
            _log.warning("failure not stored", error=str(unstored))
            await self._clock.sleep(SOON_SECONDS)

    async def _decide(self, stored: StoredDelivery) -> Decision:
        delivery = stored.delivery
        event = self._parsers[delivery.forge].parse(delivery.headers, delivery.body)
        decision = await self.decide(event) if event else Decision("asks for nothing")
        await self._decisions.commit(decision, stored.id)
        return decision

    async def decide(self, event: Event) -> Decision:
        """Gathers what the event's decision needs to know, and has the core decide."""
        match event:
            case PullRequestChanged() | Pushed() | TagPushed() | MergeGroupAsked():
                return await self._decide_head(event)
            case Commented():
                return await self._commands.decide(event)
            case ButtonPressed() | RerunAsked() | RunSteered():
                return await self._decide_press(event)
            case PullRequestClosed():
                current = await self._facts.forge(event.repo).pull(event.repo, event.pull.number)
                return deciding.decide_closed(event, current)
            case PullFound() | PushFound():
                return await self._decide_found(event)
            case Ticked() | SchedulesFound() | RepoRenamed():
                return await self._scheduled.decide(event)
            case _:
                return _decide_alone(event)

    async def _decide_head(
        self, event: PullRequestChanged | Pushed | TagPushed | MergeGroupAsked
    ) -> Decision:
        match event:
            case PullRequestChanged():
                return await self._decide_pull(event)
            case Pushed():
                return await self._decide_push(event)
            case TagPushed():
                return await self._decide_tag(event)
            case MergeGroupAsked():
                return await self._decide_merge_group(event)

    async def _decide_found(self, event: PullFound | PushFound) -> Decision:
        """As the delivery would have been that never came; by now it may have come after all."""
        repo = event.repo
        if reconciling.is_known(event, await self._facts.runs_of_head(repo, event.sha)):
            return Decision("its run is known by now")
        if isinstance(event, PushFound):
            message = await self._facts.message(repo, event.sha)
            pushed = Pushed(repo, event.branch, event.sha, event.before, message, event.actor)
            return await self._decide_push(pushed)
        pull = await self._facts.forge(repo).pull(repo, event.number)
        if pull.head_sha != event.sha:
            return Decision(f"{numbered(repo.forge, pull.number)} has moved on since")
        # Who brought it is not known, so nobody vouches for a fork's; nor since when it is there.
        changed = PullRequestChanged(repo, pull, pull.author, brought_head=False, at=self._clock.now())
        return await self._decide_pull(changed)

    async def _decide_pull(self, event: PullRequestChanged) -> Decision:
        repo = event.repo
        if event.relabelled and not deciding.asks_for_labels(
            await self._facts.reading(repo, event.pull.head_sha)
        ):
            return Decision("no condition reads its labels")
        current, trust, _ = await asyncio.gather(
            self._facts.pull_of(event),
            self._facts.trust_of_pull(repo, event.pull, event.actor, event),
            self._facts.message(repo, event.pull.head_sha),  # for the head, which waits for the others
        )
        head = await self._facts.head_of_pull(repo, current, trust)
        known = await self._facts.runs_of_head(repo, current.head_sha)
        return await asyncio.to_thread(deciding.decide_pull, event, current, head, trust, known)

    async def _decide_push(self, event: Pushed) -> Decision:
        event, repo = await self._with_message(event), event.repo
        before = "" if event.before == NO_SHA else event.before
        question = changes.of_push(repo, event.branch, event.before, event.sha)
        pulls, head, newer = await asyncio.gather(
            self._facts.forge(repo).pulls_of_head(repo, event.sha),
            self._facts.head(repo, event.sha, event.message, before, RunKind.PUSH, question),
            self._pushes_after(event),
        )
        trust = await self._facts.trust_of_push(repo, event.sha, event.actor)
        beside = [(pull, await self._changed_by(repo, pull)) for pull in pulls]
        return await asyncio.to_thread(deciding.decide_push, event, head, beside, newer, trust)

    async def _with_message(self, event: _Told) -> _Told:
        """Not every delivery tells it: GitLab's system hooks list no commits. It may say [skip ci]."""
        if not event.message:
            return replace(event, message=await self._facts.message(event.repo, event.sha))
        self._facts.told_message(event.repo, event.sha, event.message)
        return event

    async def _changed_by(self, repo: Repo, pull: Pull) -> Changed:
        kind = RunKind.PULL_REQUEST
        return await self._facts.changed(repo, pull.head_sha, kind, changes.of_pull(pull))

    async def _pushes_after(self, event: Pushed) -> Sequence[Run]:
        """The pushes that led on from this one's commit, as far as they are known: nearest first."""
        found: dict[str, Run] = {}
        run = await self._decisions.push_after(event.repo.key, event.branch, event.sha)
        while run is not None and run.sha not in found:
            found[run.sha] = run
            run = await self._decisions.push_after(event.repo.key, event.branch, run.sha)
        return tuple(found.values())

    async def _decide_tag(self, event: TagPushed) -> Decision:
        event = await self._with_message(event)
        head = await self._facts.head(
            event.repo, event.sha, event.message, "", RunKind.TAG, changes.OF_A_TAG
        )
        trust = await self._facts.trust_of_push(event.repo, event.sha, event.actor)
        return await asyncio.to_thread(deciding.decide_tag, event, head, trust)

    async def _decide_merge_group(self, event: MergeGroupAsked) -> Decision:
        question = changes.of_merge_group(event.base_sha, event.sha)
        head = await self._facts.head(
            event.repo, event.sha, "", event.base_sha, RunKind.MERGE_GROUP, question
        )
        trust = self._facts.trust_of_queue(event.repo, event.actor)
        return await asyncio.to_thread(deciding.decide_merge_group, event, head, trust)

    # what people press

    async def _decide_press(self, event: ButtonPressed | RerunAsked | RunSteered) -> Decision:
        """Whoever pressed it is asked about now; what it is about is what the check stands for."""
        if isinstance(event, RunSteered):
            return await self._steered.decide(event)
        clicker = await self._facts.vouch(event.repo, event.actor)
        runs = await self._facts.runs_of_head(event.repo, event.sha)
        chosen, job = runs_of_check(event.check, runs) if event.check else (runs, None)
        if isinstance(event, RerunAsked):
            return asking.decide_rerun(event, clicker, chosen, job)
        candidates: Sequence[Candidate] = ()
        if event.button is Button.APPROVE and clicker.may_write:
            candidates = await self._candidates(runs, clicker)
        return asking.decide_button(event, clicker, chosen, job, candidates, self._clock.now())

    async def _candidates(self, runs: Sequence[Run], clicker: Vouched) -> Sequence[Candidate]:
        """Every live run of the commit with what it would be if it were approved, and its pull request."""
        live = [run for run in runs if not run.superseded and run.kind.is_gating]
        found = [await self._candidate(run, clicker) for run in live]
        return [candidate for candidate in found if candidate is not None]

    async def _candidate(self, run: Run, clicker: Vouched) -> Candidate | None:
        """None where the pull request has moved on or is closed: the button is older than that."""
        facts, approval = self._facts, asking.approval(clicker, self._clock.now())
        if run.pull is None:
            trust = await facts.trust_of_push(run.repo, run.sha, run.actor, approval)
            head = await self._head_again(run)
            return Candidate(run, deciding.judge_run(deciding.again(run), head, trust), None)
        pull = await facts.forge(run.repo).pull(run.repo, run.pull)
        if not pull.is_open or pull.head_sha != run.sha:
            return None
        trust = await facts.trust_of_pull(run.repo, pull, run.actor, approval=approval)
        head = await facts.head_of_pull(run.repo, pull, trust)
        planned = deciding.judge_run(deciding.again(run), head, trust)
        withdraw = deciding.beside(planned, pull) if planned else ()
        return Candidate(run, planned, pull, withdraw)

    async def _head_again(self, run: Run) -> Head:
        """Of a push or a merge group that waits."""
        repo, message = run.repo, await self._facts.message(run.repo, run.sha)
        question = changes.of_push(repo, run.ref, run.base_sha, run.sha)
        return await self._facts.head(repo, run.sha, message, "", run.kind, question)


def _decide_alone(
    event: RefDeleted
    | MergeGroupDropped
    | CommentDeleted
    | TenantChanged
    | RepoTransferred
    | RepoDeleted,
) -> Decision:
    """Events that say everything themselves."""
    match event:
        case RefDeleted():
            return deciding.decide_deleted(event)
        case MergeGroupDropped():
            return deciding.decide_merge_group_dropped(event)
        case CommentDeleted():
            return deciding.decide_comment_deleted(event)
        case TenantChanged():
            return deciding.decide_tenant(event)
        case _:
            return deciding.decide_repo(event)
