"""Reactions and replies: performed once, whatever the forge does wrong, and in their time."""

from __future__ import annotations

import pytest

from ci_bot.core.decisions import Decision, SeeRepo
from ci_bot.core.effects import Effect, React, ReactAfter, Reaction, Reply
from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.core.states import Change
from ci_bot.flow.bell import Bell
from ci_bot.flow.effects import Performer
from ci_bot.flow.meters import Meters
from ci_bot.flow.notices import Nobody, Notices
from tests.fakes import FakeForge, FakeVault
from tests.make import REPO, creating, new_run
from tests.stores import Store

ME = "one/p1"
EYES = React(REPO, 7, Reaction.TAKEN)
REPLY = Reply(REPO, 3, "There is no job `tset`.", "comment/7/retry")


def performer(store: Store, forge: FakeForge) -> Performer:
    notices = Notices(Nobody(), store.effects, FakeVault(), lambda run, _: run)
    return Performer({"github": forge}, store.effects, store.clock, Bell(), Meters(), notices)


async def ask(store: Store, *effects: Effect) -> None:
    await store.decisions.commit(Decision("x", effects=effects, repos=(SeeRepo(REPO),)), None)


async def work_off(store: Store, forge: FakeForge, seconds: float = 0.0) -> int:
    store.clock.time += seconds
    return await performer(store, forge).work_off()


async def test_what_was_asked_twice_is_done_once(store: Store) -> None:
    forge = FakeForge()
    await ask(store, EYES, REPLY)
    await ask(store, EYES, REPLY)
    while await work_off(store, forge):
        pass
    assert forge.reactions == [(7, Reaction.TAKEN)]
    (comment,) = forge.comments.values()
    assert comment.body.endswith("There is no job `tset`.")


@pytest.mark.parametrize(
    "error", [ForgeError("cut", 0), ForgeError("broken", 502), ForgeBusy("later", 30)]
)
async def test_a_forge_in_trouble_delays_it_and_does_not_double_it(
    store: Store, error: ForgeError
) -> None:
    forge = FakeForge()
    forge.failures = [error]
    await ask(store, REPLY)
    await work_off(store, forge)
    assert await work_off(store, forge) == 0  # not yet
    await work_off(store, forge, 60)
    assert len(forge.comments) == 1
    assert await work_off(store, forge, 600) == 0


async def test_a_refusal_that_stays_is_given_up(store: Store) -> None:
    forge = FakeForge()
    forge.failures = [ForgeDenied("locked", 403)]
    await ask(store, EYES)
    await work_off(store, forge)
    assert await work_off(store, forge, 3600) == 0
    assert forge.reactions == []


@pytest.mark.parametrize(
    ("change", "ends", "reaction"),
    [
        (Change.SUCCEED, False, Reaction.DONE),
        (Change.FAIL, False, Reaction.NOT_DONE),
        (Change.CANCEL, False, Reaction.NOT_DONE),
        (Change.CANCEL, True, Reaction.DONE),
    ],
)
async def test_the_last_reaction_comes_when_the_jobs_have_ended(
    store: Store, change: Change, ends: bool, reaction: Reaction
) -> None:
    forge = FakeForge()
    new = new_run()
    await store.decisions.commit(creating(new), None)
    await ask(store, ReactAfter(REPO, 7, (new.key,), ends))
    claim = await store.runs.claim(ME, 30)
    assert claim is not None
    await work_off(store, forge)
    assert forge.reactions == []
    await store.runs.end_job(claim.lease, change, "")
    await work_off(store, forge, 5)
    assert forge.reactions == [(7, reaction)]
