"""A bare `/approve` against a head that moves: a thousand seeded interleavings, and no unseen sha runs.

The author of a fork's pull request moves its head, forwards, back and by force, before and after the
comment, while it is on its way, and between the questions that are asked because of it; webhooks come
late and in any order. Whatever was approved must have been the head at the time of the comment, and for
the whole margin before it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from sqlalchemy import select

from ci_bot.core.asking import HEAD_MARGIN
from ci_bot.core.events import Commented, Event, Permission, Pull
from ci_bot.core.model import Verdict
from ci_bot.core.trust import Role
from ci_bot.store.schema import approvals
from tests.fakes import FakeForge, FakeWebhook
from tests.flow.road import Deciding
from tests.make import ALICE, MALLORY, REPO, opened, pull
from tests.stores import open_store

SEEDS = 1000
BATCH = 50  # seeds that share a store
JOBS = b"jobs: {test: {steps: [make]}}\n"
FORK = 99
COMMENTS = count(1)


@pytest.fixture
async def deciding() -> AsyncIterator[Deciding]:
    async with open_store("sqlite+aiosqlite:///:memory:") as store:
        yield Deciding(store, FakeForge(), FakeWebhook())


@dataclass
class Race:
    """One pull request from a fork, and everything that befell its head."""

    deciding: Deciding
    number: int
    dice: random.Random
    now: float
    heads: list[tuple[float, str]] = field(default_factory=list)  # since when, which
    forced_since: dict[str, bool] = field(default_factory=dict)  # left shas: was a move since by force
    late: list[Event] = field(default_factory=list)

    def begin(self) -> None:
        self.move(self.sha())

    @property
    def forge(self) -> FakeForge:
        return self.deciding.forge

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
        self.late.append(
            Commented(REPO, self.number, next(COMMENTS), "Looks fine\n/approve", ALICE, self.now)
        )

    def was_head(self, sha: str, since: float, until: float) -> bool:
        """Whether this sha, and no other, was the head all that time."""
        seen = [head for at, head in self.heads if at <= until]
        lasting = [head for at, head in self.heads if since < at <= until]
        return seen[-1] == sha and all(head == sha for head in lasting) and self._at(since) == sha

    def _at(self, moment: float) -> str:
        return next((head for at, head in reversed(self.heads) if at <= moment), "")

    async def deliver(self) -> None:
        """Some of what is on its way, mostly in order."""
        while self.late and self.dice.random() < 0.7:
            index = 0 if self.dice.random() < 0.7 else self.dice.randrange(len(self.late))
            await self.deciding.decide(self.late.pop(index))

    def meddle(self) -> None:
        """Between two questions about this pull request, the head moves on."""
        if self.dice.random() < 0.15:
            self.now += 0.01
            self.wander()


async def race(deciding: Deciding, seed: int) -> int:
    """Plays one out; returns how many approvals counted."""
    dice = random.Random(seed)
    it = Race(deciding, seed + 1, dice, now=1_000_000.0 + seed * 10_000)
    it.begin()
    deciding.forge.on_question = it.meddle
    for _ in range(dice.randrange(2, 7)):
        it.now += dice.choice([0.0, 0.5, 1.5, 5, 30, 58, 61, 70, 300])
        dice.choice([it.wander, it.comment, it.comment])()
        await it.deliver()
    while it.late:
        await deciding.decide(it.late.pop(0))
    deciding.forge.on_question = lambda: None
    deciding.forge.on_question = lambda: None
    return await _approved_shas_were_seen(deciding, it)


async def _approved_shas_were_seen(deciding: Deciding, it: Race) -> int:
    count = 0
    for sha in dict.fromkeys(sha for _, sha in it.heads):
        vouchers = await deciding.store.approvals.of(REPO.key, sha, it.number)
        runs = await deciding.store.decisions.runs_of_head(REPO.key, sha)
        started = [run for run in runs if run.verdict is Verdict.PLANNED]
        assert not started or vouchers, "a stranger's commit ran, and nobody had approved it"
        for at in await _moments_of_comments(deciding, sha, it.number):
            assert it.was_head(sha, at - HEAD_MARGIN, at), (
                f"{sha[:7]} was approved by a comment at {at}, and the heads were {it.heads}"
            )
            count += 1
        assert all(voucher.role is Role.APPROVER for voucher in vouchers)
    return count


async def _moments_of_comments(deciding: Deciding, sha: str, number: int) -> list[float]:
    query = select(approvals.c.comment).where(approvals.c.sha == sha, approvals.c.pull == number)
    async with deciding.store.database.read() as connection:
        comments = set((await connection.execute(query)).scalars())
    return [
        event.at
        for event in deciding.webhook.events.values()
        if isinstance(event, Commented) and event.comment in comments
    ]


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
async def test_moving_the_head_never_runs_an_unseen_sha(deciding: Deciding, first: int) -> None:
    deciding.forge.permissions = {ALICE.id: Permission.WRITE, MALLORY.id: Permission.READ}
    counted = [await race(deciding, seed) for seed in range(first, first + BATCH)]
    assert sum(counted) > 0  # else the rule would be to approve nothing


