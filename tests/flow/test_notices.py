"""Notifications over the real store: one message for one thing, whatever breaks while it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from ci_bot.core.decisions import Decision, Retry
from ci_bot.core.effects import Effect, Turn
from ci_bot.core.errors import CiBotError, NoticeFailed, NoticeUncertain, StoreError
from ci_bot.core.events import Repo
from ci_bot.core.model import Verdict
from ci_bot.core.notices import Notice
from ci_bot.core.states import Change
from ci_bot.flow.bell import Bell
from ci_bot.flow.effects import Performer
from ci_bot.flow.meters import Meters
from ci_bot.flow.notices import Notices
from ci_bot.ports import Effects
from ci_bot.store import EffectStore
from ci_bot.store.schema import effects
from tests.fakes import FakeVault
from tests.make import ALICE, REPO, SHA_A, SHA_B, SHA_C, creating, new_run
from tests.stores import Store

ME = "one/p1"


@dataclass
class FakeNotifier:
    """Everybody hears of everything; raises what a test puts into `failures`, before or after sending."""

    names: tuple[str, ...] = ("a",)
    failures: list[Exception] = field(default_factory=list)
    sent: list[tuple[str, Notice]] = field(default_factory=list)

    def targets(self, repo: Repo, branch: str, turn: Turn) -> Sequence[str]:
        return self.names

    async def send(self, target: str, notice: Notice) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is None or isinstance(failure, NoticeUncertain):
            self.sent.append((target, notice))
        if failure is not None:
            raise failure

    @property
    def titles(self) -> list[str]:
        return [f"{target}: {notice.title.rpartition(': ')[2]}" for target, notice in self.sent]


def performer(store: Store, notifier: FakeNotifier, effects: Effects | None = None) -> Performer:
    """As a process that has just started has it."""
    effects = effects or store.effects
    notices = Notices(notifier, effects, FakeVault(), lambda run, _: f"https://ci/{run}")
    return Performer({}, effects, store.clock, Bell(), Meters(), notices)


async def work_off(store: Store, notifier: FakeNotifier, seconds: float = 0.0) -> None:
    store.clock.time += seconds
    while await performer(store, notifier).work_off():
        pass


async def pushed(store: Store, sha: str, change: Change, ref: str = "main") -> None:
    """A push to a branch, tested to its end."""
    store.clock.time += 1
    await store.decisions.commit(creating(new_run(sha=sha, ref=ref, key=f"push/{ref}/{sha}")), None)
    await ended(store, change)


async def ended(store: Store, change: Change) -> None:
    while claim := await store.runs.claim(ME, 30):
        await store.runs.end_job(claim.lease, change, "")


async def test_a_branch_breaks_stays_broken_and_is_mended(store: Store) -> None:
    notifier = FakeNotifier(("a", "b"))
    for number, change in enumerate(
        [Change.SUCCEED, Change.FAIL, Change.FAIL, Change.SUCCEED, Change.SUCCEED, Change.FAIL]
    ):
        await pushed(store, f"{number}" * 40, change)
        await work_off(store, notifier)
    assert notifier.titles == [
        "a: main is broken",
        "b: main is broken",
        "a: main is well again",
        "b: main is well again",
        "a: main is broken",
        "b: main is broken",
    ]


async def test_branches_do_not_know_of_each_other(store: Store) -> None:
    notifier = FakeNotifier()
    await pushed(store, SHA_A, Change.FAIL)
    await pushed(store, SHA_B, Change.SUCCEED, "release")
    await work_off(store, notifier)
    assert notifier.titles == ["a: main is broken"]


async def test_a_retry_that_passes_is_a_recovery(store: Store) -> None:
    notifier = FakeNotifier()
    await pushed(store, SHA_A, Change.FAIL)
    run = await store.the_run()
    for change in (Change.FAIL, Change.SUCCEED):
        retry = Retry(REPO.key, SHA_A, (run.id,), ALICE)
        await store.decisions.commit(Decision("x", retry=(retry,)), None)
        await ended(store, change)
    await work_off(store, notifier)
    assert notifier.titles == ["a: main is broken", "a: main is well again"]


async def test_only_the_newest_push_of_a_branch_says_how_it_is(store: Store) -> None:
    notifier = FakeNotifier()
    await store.decisions.commit(creating(new_run(sha=SHA_A, key="push/main/a")), None)
    slow = await store.runs.claim(ME, 30)
    assert slow is not None
    await pushed(store, SHA_B, Change.SUCCEED)
    await store.runs.end_job(slow.lease, Change.FAIL, "")
    await work_off(store, notifier)
    assert notifier.titles == []


@pytest.mark.parametrize("verdict", [Verdict.CONFIG_BROKEN, Verdict.CONFIG_MISSING])
async def test_a_broken_configuration_breaks_the_branch(store: Store, verdict: Verdict) -> None:
    notifier = FakeNotifier()
    await store.decisions.commit(creating(new_run(verdict=verdict, plan=None)), None)
    await work_off(store, notifier)
    assert notifier.titles == ["a: main is broken"]
    assert "Failed: the configuration" in notifier.sent[0][1].body


@pytest.mark.parametrize("change", [Change.CANCEL])
async def test_what_a_person_cancelled_is_no_news(store: Store, change: Change) -> None:
    notifier = FakeNotifier()
    await pushed(store, SHA_A, change)
    await work_off(store, notifier)
    assert notifier.titles == []


async def test_a_service_that_refuses_is_asked_again_and_the_others_are_not(store: Store) -> None:
    notifier = FakeNotifier(("a", "b"), [NoticeFailed("500"), NoticeFailed("500")])
    await pushed(store, SHA_A, Change.FAIL)
    await work_off(store, notifier)
    assert notifier.titles == []
    notifier.failures = [NoticeFailed("500")]
    for _ in range(10):
        await work_off(store, notifier, 300)
    assert sorted(notifier.titles) == ["a: main is broken", "b: main is broken"]


async def test_a_service_that_stays_down_is_given_up(store: Store) -> None:
    notifier = FakeNotifier(failures=[NoticeFailed("500")] * 100)
    await pushed(store, SHA_A, Change.FAIL)
    for _ in range(50):
        await work_off(store, notifier, 300)
    assert len(notifier.failures) == 100 - 12
    assert notifier.titles == []


async def test_after_an_answer_that_did_not_come_it_is_not_sent_again(store: Store) -> None:
    notifier = FakeNotifier(failures=[NoticeUncertain("no answer")])
    await pushed(store, SHA_A, Change.FAIL)
    for _ in range(5):
        await work_off(store, notifier, 300)
    assert notifier.titles == ["a: main is broken"]


class Killed(BaseException):
    """Nothing runs after it, as after `kill -9`."""


async def test_killed_while_sending_it_is_not_sent_again(store: Store) -> None:
    @dataclass
    class Killing(FakeNotifier):
        async def send(self, target: str, notice: Notice) -> None:
            await super().send(target, notice)
            raise Killed

    notifier = Killing()
    await pushed(store, SHA_A, Change.FAIL)
    await performer(store, notifier).work_off()  # who is to be told
    with pytest.raises(Killed):
        await performer(store, notifier).work_off()
    for _ in range(5):
        await work_off(store, notifier, 300)
    assert notifier.titles == ["a: main is broken"]


async def test_killed_before_sending_it_is_sent_by_the_next_process(store: Store) -> None:
    notifier = FakeNotifier()
    await pushed(store, SHA_A, Change.FAIL)
    await performer(store, notifier).work_off()
    assert notifier.titles == []
    await work_off(store, notifier)
    assert notifier.titles == ["a: main is broken"]


class Unwritable(EffectStore):
    """Takes no end of an effect."""

    async def done(self, id: int, then: Sequence[Effect] = ()) -> None:
        raise StoreError("locked")


async def test_a_database_that_fails_after_sending_does_not_send_it_again(store: Store) -> None:
    notifier = FakeNotifier()
    await pushed(store, SHA_A, Change.FAIL)
    await performer(store, notifier).work_off()
    await performer(store, notifier, Unwritable(store.database, store.clock)).work_off()
    for _ in range(5):
        await work_off(store, notifier, 300)
    assert notifier.titles == ["a: main is broken"]


def test_what_notifications_raise_is_ours() -> None:
    assert issubclass(NoticeUncertain, NoticeFailed)
    assert issubclass(NoticeFailed, CiBotError)


async def test_what_is_known_of_a_branch_outlives_its_age_and_is_replaced_by_news(store: Store) -> None:
    notifier = FakeNotifier()
    await pushed(store, SHA_A, Change.FAIL)
    await work_off(store, notifier)
    while await store.past.forget_deliveries(store.clock.now() + 1):
        pass
    await pushed(store, SHA_B, Change.FAIL)  # still broken: no news
    await work_off(store, notifier)
    await pushed(store, SHA_C, Change.SUCCEED)
    await work_off(store, notifier)
    assert notifier.titles == ["a: main is broken", "a: main is well again"]
    async with store.database.read() as connection:
        keys = (await connection.execute(select(effects.c.key))).scalars().all()
    assert len([key for key in keys if is_of_branch(key)]) == 1


def is_of_branch(key: str) -> bool:
    return "/branch/" in key and not key.startswith("tell/")
