"""Which deliveries are asked for again, which heads are asked about, and how a finding is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.deciding.heads import WITH_LABELS
from ci_bot.core.events import NO_SHA, PullFound, PushFound
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.reconciling import (
    MOST_ATTEMPTS,
    REDELIVERABLE_SECONDS,
    UNDER_WAY_SECONDS,
    Attempt,
    KnownRepo,
    LastPush,
    OpenPull,
    heads_to_ask_about,
    is_known,
    key_of,
    letter_id,
    of_letter,
    to_letter,
    to_redeliver,
    unanswered,
)
from tests.make import ALICE, REPO, SHA_A, SHA_B, pull

NOW = 1_000_000.0
SEEN = 900_000.0


def tried(id: int, guid: str = "a", *, ago: float = 3600, ok: bool = False) -> Attempt:
    return Attempt(id, guid, NOW - ago, ok)


def ids(attempts: Iterable[Attempt]) -> tuple[int, ...]:
    return tuple(attempt.id for attempt in attempts)


def asked(*attempts: Attempt) -> tuple[int, ...]:
    return ids(to_redeliver(unanswered(attempts, NOW), 0, NOW))


def test_what_failed_and_was_never_accepted_is_asked_for_once_by_its_last_attempt() -> None:
    first, again = tried(1, ago=7200), tried(2, ago=3600)
    assert asked(again, first, again) == (2,)


def test_what_was_accepted_in_any_attempt_is_left_alone() -> None:
    assert asked(tried(1, ago=7200), tried(2, ok=True)) == ()
    assert asked(tried(1, ok=True, ago=7200), tried(2)) == ()


def test_what_failed_first_is_asked_for_first() -> None:
    assert asked(tried(3, "c", ago=100), tried(1, "a", ago=300), tried(2, "b", ago=200)) == (1, 2, 3)


def test_each_failure_makes_the_pause_longer_and_some_end_it() -> None:
    assert asked(tried(1, ago=59)) == ()
    assert asked(tried(1, ago=60)) == (1,)
    assert asked(tried(1, ago=400), tried(2, ago=119)) == ()
    assert asked(tried(1, ago=400), tried(2, ago=120)) == (2,)
    many = [tried(n, ago=9000 - n) for n in range(MOST_ATTEMPTS)]
    assert asked(*many) == ()
    assert asked(*many[:-1]) == (MOST_ATTEMPTS - 2,)


def test_what_failed_before_the_server_was_up_is_asked_for_at_once() -> None:
    failed = unanswered([tried(1, ago=3)], NOW)
    assert ids(to_redeliver(failed, NOW - 2, NOW)) == (1,)
    assert to_redeliver(failed, NOW - 4, NOW) == ()


def test_what_the_forge_no_longer_delivers_is_not_asked_for() -> None:
    assert asked(tried(1, ago=REDELIVERABLE_SECONDS)) == ()


def test_heads_count_from_first_sight_until_a_delivery_may_still_be_under_way() -> None:
    known = KnownRepo(REPO, SEEN)
    head = pull(SHA_A)
    for at, counts in (
        (SEEN - 1, False),
        (SEEN, True),
        (NOW - UNDER_WAY_SECONDS, True),
        (NOW - UNDER_WAY_SECONDS + 1, False),
    ):
        push = LastPush("main", SHA_B, NO_SHA, ALICE, at)
        found = heads_to_ask_about(known, [OpenPull(head, at)], push, NOW)
        both = (
            PullFound(REPO, 3, SHA_A, "main"),
            PushFound(REPO, "main", SHA_B, NO_SHA, ALICE),
        )
        assert found == (both if counts else ())
    closed = OpenPull(replace(head, is_open=False), SEEN)
    assert heads_to_ask_about(known, [closed], None, NOW) == ()


@pytest.mark.parametrize(
    ("found", "kind", "ref"),
    [
        (PullFound(REPO, 3, SHA_A, "main"), RunKind.PULL_REQUEST, "feature"),
        (PushFound(REPO, "main", SHA_A, NO_SHA, ALICE), RunKind.PUSH, "main"),
    ],
)
def test_a_head_is_known_by_its_natural_key(
    found: PullFound | PushFound, kind: RunKind, ref: str
) -> None:
    run = Run("r", key_of(found), REPO, kind, ref, SHA_A, Verdict.PLANNED, ALICE, NOW)
    assert is_known(found, [run])
    assert not is_known(found, [replace(run, key=run.key + "x")])
    assert is_known(found, [replace(run, key=f"{run.key}{WITH_LABELS}0123")])
    assert not is_known(found, [])


def test_another_base_is_another_question() -> None:
    assert key_of(PullFound(REPO, 3, SHA_A, "main")) != key_of(PullFound(REPO, 3, SHA_A, "next"))


@given(number=st.integers(1, 2**40), base=st.text(max_size=50), branch=st.text(max_size=50))
def test_a_finding_comes_out_of_its_letter_as_it_went_in(number: int, base: str, branch: str) -> None:
    for found in (
        PullFound(REPO, number, SHA_A, base),
        PushFound(REPO, branch, SHA_A, SHA_B, ALICE),
    ):
        assert of_letter(to_letter(found)) == found
        assert to_letter(found) == to_letter(of_letter(to_letter(found)))
        assert len(letter_id(found)) <= 128


@given(st.binary(max_size=200))
def test_anything_else_is_no_finding(body: bytes) -> None:
    with pytest.raises(ValueError):
        of_letter(body)
