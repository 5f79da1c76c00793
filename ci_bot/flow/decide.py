"""2. decide: a stored delivery → its event → the facts about it → one Decision, committed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from ci_bot.core import deciding
from ci_bot.core.deciding import Head
from ci_bot.core.decisions import Decision
from ci_bot.core.errors import CiBotError, FileTooLarge, ForgeDenied, StoreError
from ci_bot.core.events import (
    NO_SHA,
    Actor,
    Event,
    MergeGroupAsked,
    MergeGroupDropped,
    Pull,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TagPushed,
    TenantChanged,
)
from ci_bot.core.model import Run, Verdict
from ci_bot.core.patience import is_hopeless, pause
from ci_bot.core.pipeline import CONFIG_FILES, Limits, Reading, read, refuse
from ci_bot.core.report import runs_of_check
from ci_bot.core.trust import Trust, Vouched, judge_head
from ci_bot.flow.bell import Bell
from ci_bot.flow.meters import Meters
from ci_bot.ports import Clock, Decisions, ForgeFacts, Inbox, StoredDelivery, Webhook

_log = structlog.get_logger()
T = TypeVar("T")
AT_ONCE = 4  # deliveries decided at the same time; more would keep webhooks waiting for their answer
REMEMBERED = 256  # commits whose configuration and message need not be asked for again
LAG_PAUSES = (0.5, 1.5, 4.0)  # seconds
#: Verdicts that say nothing about trust: the first denies it, the second comes before the question.
UNJUDGED = (Verdict.HELD, Verdict.CONFIG_MISSING)
NET_SECONDS = 5.0  # how often to look for work that no bell announced


class Reader:
    """How `.ci.yaml` is read here: off the event loop, since a hostile file takes its time.

    One at a time, in a thread of its own: several would keep the rest of the process waiting.
    """

    def __init__(self, default_image: str, limits: Limits) -> None:
        self.default_image = default_image
        self.limits = limits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read")

    def refuse(self, length: int, file: str) -> Reading:
        return refuse(length, file, self.limits)

    async def read(self, text: bytes, file: str) -> Reading:
        work = partial(read, text, file=file, default_image=self.default_image, limits=self.limits)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class Recent(OrderedDict[tuple[str, str], T]):
    """What is known about commits, by repository key and sha; the oldest is forgotten first."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __setitem__(self, key: tuple[str, str], value: T) -> None:
        super().__setitem__(key, value)
        while len(self) > self._size:
            self.popitem(last=False)


class Decider:
    """Takes deliveries in order, one at a time for each repository, until it is cancelled."""

    def __init__(
        self,
        webhooks: Mapping[str, Webhook],
        facts: Mapping[str, ForgeFacts],
        inbox: Inbox,
        decisions: Decisions,
        reader: Reader,
        clock: Clock,
        arrived: Bell,
        decided: tuple[Bell, ...],
        meters: Meters,
    ) -> None:
        self._webhooks = webhooks
        self._facts = facts
        self._inbox = inbox
        self._decisions = decisions
        self._reader = reader
        self._clock = clock
        self._arrived = arrived
        self._decided = decided
        self._meters = meters
        self._readings: Recent[Reading | None] = Recent(REMEMBERED)
        self._messages: Recent[str] = Recent(REMEMBERED)
        self._in_flight: dict[int, StoredDelivery] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._begin_all(group)
                except StoreError as error:
                    _log.warning("nothing decided", error=str(error))
                except Exception:  # noqa: BLE001 - the loop's edge: one part must not end the others
                    _log.exception("nothing decided: a bug of ours")
                await self._arrived.wait(NET_SECONDS)

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
        try:
            decision = await self._decide(stored)
        except Exception as error:  # noqa: BLE001 - the loop's edge: one bad item must not stop the rest
            await self._failed(stored, error)
            return
        self._meters.decided.labels("decided").inc()
        log.info("decided", reason=decision.reason)
        for bell in self._decided:
            bell.ring()

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
        except StoreError as unstored:  # it stays due, but a store that takes nothing is given time
            _log.warning("failure not stored", error=str(unstored))
            await self._clock.sleep(NET_SECONDS)

    async def _decide(self, stored: StoredDelivery) -> Decision:
        delivery = stored.delivery
        event = self._webhooks[delivery.forge].parse(delivery.headers, delivery.body)
        decision = await self.decide(event) if event else Decision("asks for nothing")
        await self._decisions.commit(decision, stored.id)
        return decision

    async def decide(self, event: Event) -> Decision:
        """Gathers what the event's decision needs to know, and has the core decide."""
        match event:
            case PullRequestChanged():
                return await self._decide_pull(event)
            case Pushed():
                return await self._decide_push(event)
            case TagPushed():
                return deciding.decide_tag(
                    event, await self._head(event.repo, event.sha, event.message, "")
                )
            case MergeGroupAsked():
                head = await self._head(event.repo, event.sha, "", event.base_sha)
                return deciding.decide_merge_group(event, head)
            case RerunAsked():
                return await self._decide_rerun(event)
            case PullRequestClosed():
                current = await self._facts[event.repo.forge].pull(event.repo, event.pull.number)
                return deciding.decide_closed(event, current)
            case _:
                return _decide_alone(event)

    async def _decide_pull(self, event: PullRequestChanged) -> Decision:
        repo, pull = event.repo, event.pull
        current, message, reading, trust = await asyncio.gather(
            self._current(event),
            self._message(repo, pull.head_sha),
            self._reading(repo, pull.head_sha),
            self._trust(event),
        )
        has_base = reading is None and await self._has_config(repo, current.base_sha)
        return deciding.decide_pull(event, current, Head(reading, has_base, message), trust)

    async def _current(self, event: PullRequestChanged) -> Pull:
        """The pull request as the forge has it now.

        A forge's API may lag behind its own webhooks: while it still shows the head that this event
        replaced, it is given a moment. Forced back to that head, the pull request stays with it.
        """
        facts = self._facts[event.repo.forge]
        current = await facts.pull(event.repo, event.pull.number)
        for seconds in LAG_PAUSES:
            if not event.before or current.head_sha != event.before:
                break
            await self._clock.sleep(seconds)
            current = await facts.pull(event.repo, event.pull.number)
        return current

    async def _trust(self, event: PullRequestChanged) -> Trust:
        repo, pull = event.repo, event.pull
        if not pull.is_from_fork(repo):
            return judge_head(from_fork=False, people=(), brought_head=False, was_trusted=False)
        known = await self._decisions.runs_of_head(repo.key, pull.head_sha)
        mine = [run for run in known if run.pull == pull.number]
        people = [await self._vouch(repo, actor) for actor in dict.fromkeys((pull.author, event.actor))]
        return judge_head(
            from_fork=True,
            people=people,
            brought_head=event.brought_head,
            was_trusted=any(run.verdict not in UNJUDGED for run in mine),
        )

    async def _vouch(self, repo: Repo, actor: Actor) -> Vouched:
        """What the forge says of a person now; a forge that will not say means no.

        A forge that is busy or broken is asked again later: until then nothing is decided.
        """
        try:
            return Vouched(actor, await self._facts[repo.forge].permission(repo, actor))
        except ForgeDenied:
            return Vouched(actor, None)

    async def _decide_push(self, event: Pushed) -> Decision:
        repo = event.repo
        self._messages[repo.key, event.sha] = event.message
        before = "" if event.before == NO_SHA else event.before
        pulls, head, newer = await asyncio.gather(
            self._facts[repo.forge].pulls_of_head(repo, event.sha),
            self._head(repo, event.sha, event.message, before),
            self._pushes_after(event),
        )
        return deciding.decide_push(event, head, pulls, newer)

    async def _pushes_after(self, event: Pushed) -> Sequence[Run]:
        """The pushes that led on from this one's commit, as far as they are known: nearest first."""
        found: dict[str, Run] = {}
        run = await self._decisions.push_after(event.repo.key, event.branch, event.sha)
        while run is not None and run.sha not in found:
            found[run.sha] = run
            run = await self._decisions.push_after(event.repo.key, event.branch, run.sha)
        return tuple(found.values())

    async def _decide_rerun(self, event: RerunAsked) -> Decision:
        clicker = await self._vouch(event.repo, event.actor)
        runs = await self._decisions.runs_of_head(event.repo.key, event.sha)
        chosen, job = runs_of_check(event.check, runs) if event.check else (runs, None)
        return deciding.decide_rerun(event, clicker, chosen, job)

    async def _head(self, repo: Repo, sha: str, message: str, base_sha: str) -> Head:
        reading = await self._reading(repo, sha)
        has_base = reading is None and bool(base_sha) and await self._has_config(repo, base_sha)
        return Head(reading, has_base, message)

    async def _message(self, repo: Repo, sha: str) -> str:
        known = self._messages.get((repo.key, sha))
        return known if known is not None else await self._facts[repo.forge].commit_message(repo, sha)

    async def _reading(self, repo: Repo, sha: str) -> Reading | None:
        """What a commit holds never changes, and a push and its pull request ask for the same."""
        if (repo.key, sha) not in self._readings:
            self._readings[repo.key, sha] = await self._read(repo, sha)
        return self._readings[repo.key, sha]

    async def _read(self, repo: Repo, sha: str) -> Reading | None:
        for file in CONFIG_FILES:
            try:
                text = await self._facts[repo.forge].read_file(repo, file, sha)
            except FileTooLarge as error:
                return self._reader.refuse(error.length, file)
            if text is not None:
                return await self._reader.read(text, file)
        return None

    async def _has_config(self, repo: Repo, sha: str) -> bool:
        for file in CONFIG_FILES:
            try:
                text = await self._facts[repo.forge].read_file(repo, file, sha)
            except FileTooLarge:
                return True
            if text is not None:
                return True
        return False


def _decide_alone(
    event: RefDeleted | MergeGroupDropped | TenantChanged | RepoRenamed | RepoTransferred | RepoDeleted,
) -> Decision:
    """Events that say everything themselves."""
    match event:
        case RefDeleted():
            return deciding.decide_deleted(event)
        case MergeGroupDropped():
            return deciding.decide_merge_group_dropped(event)
        case TenantChanged():
            return deciding.decide_tenant(event)
        case _:
            return deciding.decide_repo(event)
