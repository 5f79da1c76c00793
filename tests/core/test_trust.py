"""The gate, cell by cell: where a commit came from, who is behind it, the policy, an approval → a ruling."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ci_bot.core.events import Access, Actor, Permission
from ci_bot.core.trust import (
    Bots,
    Outsiders,
    Policy,
    Role,
    Ruling,
    Source,
    Standing,
    Vouched,
    Voucher,
    inherited,
    is_outsiders,
    judge,
    lost,
    outsider,
    rule,
    standing,
    to_ask_again,
)
from tests.make import ALICE, MALLORY

RUN, WITHOUT, WAIT, REFUSE = Ruling.RUN, Ruling.RUN_WITHOUT_SECRETS, Ruling.WAIT, Ruling.REFUSE
WRITERS, STRANGERS, RETURNING = Standing.WRITERS, Standing.STRANGERS, Standing.RETURNING
BOT = Actor(99, "renovate[bot]", is_bot=True)
BOB = Actor(2, "bob")

#: (source, standing, outsiders, bots) → (not approved, approved); None stands for any.
TABLE = [
    (Source.QUEUE, None, None, None, RUN, RUN),
    (Source.OWN, WRITERS, None, None, RUN, RUN),
    (Source.OWN, STRANGERS, None, None, WAIT, RUN),
    (Source.OWN, RETURNING, None, None, WAIT, RUN),
    (Source.OWN_BOT, None, None, Bots.WITHOUT_SECRETS, WITHOUT, RUN),
    (Source.OWN_BOT, None, None, Bots.RUN, RUN, RUN),
    (Source.OWN_BOT, None, None, Bots.APPROVE, WAIT, RUN),
    (Source.FORK, WRITERS, None, None, RUN, RUN),
    (Source.FORK, STRANGERS, Outsiders.APPROVE, None, WAIT, RUN),
    (Source.FORK, RETURNING, Outsiders.APPROVE, None, WAIT, RUN),
    (Source.FORK, STRANGERS, Outsiders.FIRST_TIME, None, WAIT, RUN),
    (Source.FORK, RETURNING, Outsiders.FIRST_TIME, None, WITHOUT, RUN),
    (Source.FORK, STRANGERS, Outsiders.NEVER, None, REFUSE, REFUSE),
    (Source.FORK, RETURNING, Outsiders.NEVER, None, REFUSE, REFUSE),
    (Source.FORK, STRANGERS, Outsiders.WITHOUT_SECRETS, None, WITHOUT, RUN),
    (Source.FORK, RETURNING, Outsiders.WITHOUT_SECRETS, None, WITHOUT, RUN),
]

CELLS = list(product(Source, Standing, Outsiders, Bots, (False, True)))


def expected(
    source: Source, who: Standing, outsiders: Outsiders, bots: Bots, approved: bool
) -> list[Ruling]:
    fits = [
        row
        for row in TABLE
        if row[0] is source
        and row[1] in (None, who)
        and row[2] in (None, outsiders)
        and row[3] in (None, bots)
    ]
    return [row[5] if approved else row[4] for row in fits]


@pytest.mark.parametrize(("source", "who", "outsiders", "bots", "approved"), CELLS)
def test_each_cell_of_the_gate(
    source: Source, who: Standing, outsiders: Outsiders, bots: Bots, approved: bool
) -> None:
    found = rule(source, who, Policy(outsiders, bots), approved=approved)
    assert [found] == expected(source, who, outsiders, bots, approved)


def test_the_defaults_are_to_approve_outsiders_and_to_give_bots_no_secrets() -> None:
    assert Policy() == Policy(Outsiders.APPROVE, Bots.WITHOUT_SECRETS)


# ── the people behind a commit ───────────────────────────────────────────────────────────────


def vouched(actor: Actor, permission: Permission | None, account: int | None = None) -> Vouched:
    answer = None if permission is None else Access(account or actor.id, permission)
    return Vouched(actor, answer)


def judged(*people: tuple[Role, Vouched], source: Source = Source.FORK, **more: object) -> Ruling:
    return judge(source, people, Policy(), now=5.0, **more).ruling  # type: ignore[arg-type]


@pytest.mark.parametrize("author", Permission)
@pytest.mark.parametrize("sender", Permission)
def test_a_forks_head_runs_only_if_author_and_sender_may_write(
    author: Permission, sender: Permission
) -> None:
    people = ((Role.AUTHOR, vouched(ALICE, author)), (Role.SENDER, vouched(MALLORY, sender)))
    runs = author >= Permission.WRITE and sender >= Permission.WRITE
    assert judged(*people) is (RUN if runs else WAIT)


def test_an_event_that_did_not_bring_an_unknown_sha_does_not_vouch_for_it() -> None:
    admin = (Role.SENDER, vouched(ALICE, Permission.ADMIN))
    trust = judge(Source.FORK, [admin], Policy(), brought=False, now=5.0)
    assert trust.ruling is WAIT
    assert trust.awaited == "this commit was never vouched for"


def test_what_was_ruled_about_a_sha_is_inherited() -> None:
    voucher = Voucher(ALICE, Role.APPROVER, Permission.WRITE, 1.0)
    assert inherited(RUN, [voucher], "").vouchers == (voucher,)


def test_unreadable_permission_means_no() -> None:
    assert judged((Role.SENDER, vouched(ALICE, None))) is WAIT


def test_an_answer_about_another_account_means_no() -> None:
    assert judged((Role.SENDER, vouched(ALICE, Permission.ADMIN, account=999))) is WAIT


def test_nobody_to_ask_about_is_nobody_to_trust() -> None:
    assert standing([]) is STRANGERS


def test_who_is_awaited_is_named_once() -> None:
    mallory = vouched(MALLORY, Permission.READ)
    trust = judge(Source.FORK, [(Role.AUTHOR, mallory), (Role.SENDER, mallory)], Policy(), now=5.0)
    assert trust.awaited == "@mallory has no write access to this repository"


def test_an_approval_stands_beside_the_people_it_is_for() -> None:
    approver = Voucher(BOB, Role.APPROVER, Permission.WRITE, 5.0)
    trust = judge(
        Source.FORK,
        [(Role.SENDER, vouched(MALLORY, Permission.NONE))],
        Policy(),
        approvals=[approver],
        now=5.0,
    )
    assert trust.ruling is RUN
    assert trust.vouchers == (Voucher(MALLORY, Role.SENDER, Permission.NONE, 5.0), approver)
    assert is_outsiders(trust.ruling, trust.vouchers)


def test_a_policy_that_lets_bots_run_is_what_vouches_for_them() -> None:
    people = [(Role.SENDER, vouched(BOT, None))]
    trust = judge(Source.OWN_BOT, people, Policy(bots=Bots.RUN), now=5.0)
    assert [(each.role, each.holds) for each in trust.vouchers] == [(Role.POLICY, True)]
    assert not to_ask_again(trust.vouchers, now=1000.0, seconds=60, heard={})


def test_an_app_that_waits_is_called_an_app() -> None:
    people = [(Role.SENDER, vouched(BOT, None))]
    trust = judge(Source.OWN_BOT, people, Policy(bots=Bots.APPROVE), now=5.0)
    assert trust.awaited == "@renovate[bot] is a bot, and its commits wait for a person here"


# ── later on ─────────────────────────────────────────────────────────────────────────────────


def test_those_whose_word_counts_are_asked_about_again_after_a_while() -> None:
    vouchers = (
        Voucher(MALLORY, Role.SENDER, Permission.NONE, 0.0),  # never counted
        Voucher(ALICE, Role.APPROVER, Permission.WRITE, 0.0),
        Voucher(BOB, Role.APPROVER, Permission.WRITE, 90.0),  # was asked about just now
    )
    assert to_ask_again(vouchers, now=100.0, seconds=60, heard={}) == (vouchers[1],)


def test_each_account_is_asked_about_once_and_not_again_so_soon() -> None:
    author = Voucher(ALICE, Role.AUTHOR, Permission.WRITE, 0.0)
    sender = Voucher(ALICE, Role.SENDER, Permission.ADMIN, 1.0)
    assert to_ask_again((author, sender), now=100.0, seconds=60, heard={}) == (sender,)
    assert to_ask_again((author, sender), now=100.0, seconds=60, heard={ALICE.id: 40.0}) == ()
    assert to_ask_again((author, sender), now=100.1, seconds=60, heard={ALICE.id: 40.0}) == (sender,)
    assert to_ask_again((author,), now=100.0, seconds=60, heard={BOB.id: 99.0}) == (author,)


@pytest.mark.parametrize("permission", [None, *Permission])
def test_a_permission_that_is_lost_is_told_and_one_that_stays_is_not(
    permission: Permission | None,
) -> None:
    voucher = Voucher(ALICE, Role.APPROVER, Permission.WRITE, 0.0)
    why = lost(voucher, vouched(ALICE, permission))
    assert bool(why) == (permission is None or permission < Permission.WRITE)
    assert not why or "@alice" in why


def test_an_approver_must_still_be_one_who_may_approve() -> None:
    now = Vouched(ALICE, Access(ALICE.id, Permission.WRITE, may_approve=False))
    assert lost(Voucher(ALICE, Role.SENDER, Permission.WRITE, 0.0), now) == ""
    assert "may not approve" in lost(Voucher(ALICE, Role.APPROVER, Permission.ADMIN, 0.0), now)


def test_an_outsider_is_the_person_without_write_access_who_wrote_it_and_no_app() -> None:
    stranger = Voucher(MALLORY, Role.AUTHOR, Permission.READ, 0.0)
    approver = Voucher(ALICE, Role.APPROVER, Permission.WRITE, 0.0)
    app = Voucher(replace(MALLORY, is_bot=True), Role.SENDER, Permission.NONE, 0.0)
    assert outsider(Ruling.RUN, (stranger, approver)) == MALLORY
    assert outsider(Ruling.RUN_WITHOUT_SECRETS, (app,)) is None
    assert outsider(Ruling.RUN, (Voucher(ALICE, Role.SENDER, Permission.WRITE, 0.0),)) is None
