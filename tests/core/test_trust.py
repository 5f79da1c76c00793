"""The gate in its simplest true form, cell by cell."""

from __future__ import annotations

import pytest

from ci_bot.core.events import Access, Actor, Permission
from ci_bot.core.trust import Vouched, judge_head
from tests.make import ALICE, MALLORY


def vouched(actor: Actor, permission: Permission | None, account: int | None = None) -> Vouched:
    answer = None if permission is None else Access(account or actor.id, permission)
    return Vouched(actor, answer)


def test_a_head_in_the_repository_itself_runs() -> None:
    assert judge_head(from_fork=False, people=(), brought_head=True, was_trusted=False).is_granted


@pytest.mark.parametrize("author", Permission)
@pytest.mark.parametrize("sender", Permission)
def test_a_forks_head_runs_only_if_author_and_sender_may_write(
    author: Permission, sender: Permission
) -> None:
    people = (vouched(ALICE, author), vouched(MALLORY, sender))
    trust = judge_head(from_fork=True, people=people, brought_head=True, was_trusted=True)
    assert trust.is_granted == (author >= Permission.WRITE and sender >= Permission.WRITE)
    assert bool(trust.awaited) != trust.is_granted


@pytest.mark.parametrize("was_trusted", [True, False])
def test_an_event_that_brought_no_head_inherits(was_trusted: bool) -> None:
    people = (vouched(ALICE, Permission.ADMIN),)
    trust = judge_head(from_fork=True, people=people, brought_head=False, was_trusted=was_trusted)
    assert trust.is_granted == was_trusted


def test_unreadable_permission_means_no() -> None:
    people = (vouched(ALICE, None),)
    assert not judge_head(
        from_fork=True, people=people, brought_head=True, was_trusted=False
    ).is_granted


def test_an_answer_about_another_account_means_no() -> None:
    people = (vouched(ALICE, Permission.ADMIN, account=999),)
    assert not judge_head(
        from_fork=True, people=people, brought_head=True, was_trusted=False
    ).is_granted


def test_who_is_awaited_is_named_once() -> None:
    people = (vouched(MALLORY, Permission.READ), vouched(MALLORY, Permission.READ))
    trust = judge_head(from_fork=True, people=people, brought_head=True, was_trusted=False)
    assert trust.awaited == "@mallory has no write access to this repository"
