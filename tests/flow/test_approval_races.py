"""A bare `/approve` against a head that moves: a thousand seeded interleavings, and no unseen sha runs.

The author of a fork's pull request moves its head, forwards, back and by force, before and after the
comment, while it is on its way, and between the questions that are asked because of it; webhooks come
late and in any order. Whatever was approved must have been the head at the time of the comment, and for
the whole margin before it.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import TypeVar, cast

import pytest

from ci_bot.core.asking import HEAD_MARGIN
from ci_bot.core.decisions import Approve, Decision, NewRun
from ci_bot.core.events import Commented, Event, Permission, Pull
from ci_bot.core.model import Run, Verdict
from ci_bot.core.pipeline import Limits, Reading, read
from ci_bot.core.trust import Policy, Voucher
from ci_bot.flow.bell import Bell
from ci_bot.flow.commands import Commands
from ci_bot.flow.decide import Decider
from ci_bot.flow.facts import Bring, Facts, Reader
from ci_bot.flow.meters import Meters
from ci_bot.flow.steering import Steered
from ci_bot.flow.ticking import Scheduled
from ci_bot.ports import Approvals, Decisions, Inbox, Schedules
from tests.fakes import FakeClock, FakeDifferences, FakeForge
from tests.make import ALICE, MALLORY, REPO, opened, pull
from tests.stores import open_store

SEEDS = 1000
REAL_SEEDS = range(5000, 5010)  # the same with the real store, which takes its time
JOBS = b"jobs: {test: {steps: [make]}}\n"
FORK = 99
COMMENTS = count(1)

R = TypeVar("R")


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed alone says what comes when; and half of the time would go into changing threads."""

    async def at_once(function: Callable[..., R], *args: object) -> R:
        return function(*args)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


class ReadAtOnce(Reader):
    """In no thread, for the same reason; each file once, since all are equal."""

    async def read(self, text: bytes, file: str, bring: Bring) -> Reading:
        return _read(text, file=file, default_image=self.default_image, limits=self.limits)


_read = cache(read)


class Unasked(selectors.DefaultSelector):
    """What nothing outside of the process can wake, asks the kernel only when there is nothing to do."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout) if timeout is None or timeout > 0 else []


class Ledger:
    """`Decisions` and `Approvals` in memory, as far as these races need them."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.approved: list[Approve] = []

    async def commit(self, decision: Decision, delivery: int | None) -> Sequence[str]:
        for gone in decision.withdraw:
            for key, run in self.runs.items():
                if gone.pull == run.pull and key != gone.except_key and gone.verdict is None:
                    self.runs[key] = replace(run, superseded=True)
        for new in decision.create:
            known = self.runs.get(new.key)
            held = known is None or known.verdict is Verdict.HELD
            fresh = made_of(new) if held or known is None else replace(known, superseded=False)
            since = max(new.head_at, known.head_at if known else 0.0)
            self.runs[new.key] = replace(fresh, head_at=since)
        self.approved += decision.approve
        return ()

    async def runs_of_head(self, repo_key: str, sha: str) -> Sequence[Run]:
        return [run for run in self.runs.values() if run.sha == sha]

    async def push_after(self, repo_key: str, branch: str, sha: str) -> Run | None:
        return None

    async def of(self, repo_key: str, sha: str, pull: int | None) -> Sequence[Voucher]:
        return [each.voucher for each in self.approved if (each.sha, each.pull) == (sha, pull)]

    async def had_one(self, repo_key: str, author: int) -> bool:
        return any(each.author == author for each in self.approved)


def made_of(new: NewRun) -> Run:
    """What is stored of a new run; the rest does not matter here."""
    return Run(
        id=new.key,
        key=new.key,
        repo=new.repo,
        kind=new.kind,
        ref=new.ref,
        sha=new.sha,
        verdict=new.verdict,
        actor=new.actor,
        created_at=0.0,
        pull=new.pull,
        ruling=new.ruling,
        vouchers=new.vouchers,
        head_at=new.head_at,
    )


@dataclass
class Table:
    """Who decides, on what store, and what the forge says."""

    decider: Decider
    decisions: Decisions
    approvals: Approvals
    forge: FakeForge
    counted: list[tuple[str, Commented]] = field(default_factory=list)

    async def decide(self, event: Event) -> None:
        """As the road does it, without the inbox."""
        decision = await self.decider.decide(event)
        await self.decisions.commit(decision, None)
        for approve in decision.approve:
            assert isinstance(event, Commented)
            assert approve.comment == event.comment
            self.counted.append((approve.sha, event))


def table(decisions: Decisions, approvals: Approvals) -> Table:
    forge, clock = FakeForge(), FakeClock()
    forge.permissions = {ALICE.id: Permission.WRITE, MALLORY.id: Permission.READ}
    facts = Facts(
        {"github": forge},
        decisions,
        approvals,
        lambda _: Policy(),
        ReadAtOnce("img", Limits()),
        clock,
        FakeDifferences(),
    )
    schedules = cast("Schedules", None)  # nobody asks why
    commands, bell = Commands(facts, schedules, clock, ""), Bell()
    inbox: Inbox = cast("Inbox", None)  # what is decided here was never stored
    steered = cast("Steered", None)  # nobody uses the API here
    scheduled = cast("Scheduled", None)
    meters = Meters()
    decider = Decider(
        {}, facts, commands, inbox, decisions, clock, bell, (), meters, steered, scheduled
    )
    return Table(decider, decisions, approvals, forge)


@dataclass
class Race:
    """One pull request from a fork, and everything that befell its head."""

    table: Table
    number: int
    dice: random.Random
    now: float
    heads: list[tuple[float, str]] = field(default_factory=list)  # since when, which
    forced_since: dict[str, bool] = field(default_factory=dict)  # left shas: was a move since by force
    late: list[Event] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)  # comment → how many heads there had been

    def begin(self) -> None:
        self.move(self.sha())

    @property
    def forge(self) -> FakeForge:
        return self.table.forge

    def sha(self) -> str:
        new = f"{self.dice.getrandbits(160):040x}"
        self.forge.files[new, ".ci.yaml"] = JOBS
        return new

    def as_pull(self) -> Pull:
        sha = self.heads[-1][1]
        return pull(sha, self.number, author=MALLORY, head_repo=FORK, head_ref="evil")

    def move(self, sha: str) -> None:
        """To a sha, new or old. Who comes back to one has forced at least one of the moves since."""
        before = self.heads[-1][1] if self.heads else ""
        must = sha in self.forced_since and not self.forced_since[sha]
        forced = bool(before) and (must or self.dice.random() < 0.3)
        if forced:
            self.forge.forced[self.number] = self.now
            self.forced_since = dict.fromkeys(self.forced_since, True)
        if before:
            self.forced_since[before] = forced
        self.heads.append((self.now, sha))
        self.forge.pulls[self.number] = self.as_pull()
        event = opened(self.as_pull(), MALLORY)
        self.late.append(replace(event, before=before, at=self.now))

    def wander(self) -> None:
        past = [sha for _, sha in self.heads[:-1] if sha != self.heads[-1][1]]
        self.move(self.dice.choice(past) if past and self.dice.random() < 0.5 else self.sha())

    def comment(self) -> None:
        number = next(COMMENTS)
        self.seen[number] = len(self.heads)
        text = "Looks fine\n/approve"
        self.late.append(Commented(REPO, self.number, number, text, ALICE, self.now))

    def was_seen(self, sha: str, comment: Commented) -> bool:
        """Whether this sha, and no other, was the head for the whole margin before the comment."""
        before = self.heads[: self.seen[comment.comment]]
        since = comment.at - HEAD_MARGIN
        return before[-1][1] == sha and all(at <= since for at, _ in before)

    async def deliver(self) -> None:
        """Some of what is on its way, mostly in order."""
        while self.late and self.dice.random() < 0.7:
            index = 0 if self.dice.random() < 0.7 else self.dice.randrange(len(self.late))
            await self.table.decide(self.late.pop(index))

    def meddle(self) -> None:
        """Between two questions about this pull request, the head moves on."""
        if self.dice.random() < 0.15:
            self.now += 0.01
            self.wander()


async def race(table: Table, seed: int) -> int:
    """Plays one out; returns how many approvals counted."""
    dice = random.Random(seed)
    it = Race(table, seed + 1, dice, now=1_000_000.0 + seed * 10_000)
    table.counted.clear()
    it.begin()
    table.forge.on_question = it.meddle
    for _ in range(dice.randrange(2, 7)):
        it.now += dice.choice([0.0, 0.5, 1.5, 5, 30, 58, 61, 70, 300])
        dice.choice([it.wander, it.comment, it.comment])()
        await it.deliver()
    while it.late:
        await table.decide(it.late.pop(0))
    table.forge.on_question = lambda: None
    for sha, comment in table.counted:
        assert it.was_seen(sha, comment), (
            f"{sha[:7]} was approved by a comment at {comment.at}, and the heads were {it.heads}"
        )
    await _nothing_else_runs(it)
    return len(table.counted)


async def _nothing_else_runs(it: Race) -> None:
    approved = {sha for sha, _ in it.table.counted}
    for sha in dict.fromkeys(sha for _, sha in it.heads):
        runs = await it.table.decisions.runs_of_head(REPO.key, sha)
        started = [run for run in runs if run.verdict is Verdict.PLANNED]
        assert not started or sha in approved, "a stranger's commit ran, and nobody had approved it"


def test_moving_the_head_never_runs_an_unseen_sha_in_a_thousand_interleavings() -> None:
    async def counted() -> int:
        ledgers = [Ledger() for _ in range(SEEDS)]
        return sum([await race(table(each, each), seed) for seed, each in enumerate(ledgers)])

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Unasked())) as runner:
        assert runner.run(counted()) > SEEDS / 100  # else the rule would be to approve nothing


async def test_moving_the_head_never_runs_an_unseen_sha_on_the_real_store(tmp_path: Path) -> None:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'ci-bot.db'}") as store:
        it = table(store.decisions, store.approvals)
        for seed in REAL_SEEDS:
            await race(it, seed)
