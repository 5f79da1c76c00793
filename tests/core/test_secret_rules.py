"""Who gets which secret, and in which words it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.events import Permission
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.planned import SecretRef, Step
from ci_bot.core.secret_rules import (
    SecretLimits,
    StoredSecret,
    matches,
    refusal_of_run,
    refusal_of_use,
)
from ci_bot.core.trust import Role, Ruling, Voucher
from tests.make import ALICE, MALLORY, REPO, SHA_A

REF = SecretRef("TOKEN", "TOKEN")
STEP = Step("publish", "./publish", "registry.example/tools/npm:1")
WRITER = Voucher(ALICE, Role.SENDER, Permission.WRITE, 0.0)


def run(kind: RunKind = RunKind.PUSH, **more: object) -> Run:
    made = Run("r1", "k", REPO, kind, "main", SHA_A, Verdict.PLANNED, ALICE, 0.0, vouchers=(WRITER,))
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_run_that_somebody_vouched_for_gets_secrets() -> None:
    assert refusal_of_run(run(), locked=False) == ""


@pytest.mark.parametrize("ruling", [ruling for ruling in Ruling if ruling is not Ruling.RUN])
def test_any_other_ruling_gets_none_and_the_line_that_would_help(ruling: Ruling) -> None:
    assert f"/approve {SHA_A}" in refusal_of_run(run(ruling=ruling), locked=False)


def test_nobody_on_record_is_nobody_who_vouched() -> None:
    stranger = Voucher(MALLORY, Role.SENDER, Permission.NONE, 0.0)
    for vouchers in ((), (stranger,)):
        assert "on record" in refusal_of_run(run(vouchers=vouchers), locked=False)


def test_a_transferred_repository_gets_none_until_it_is_unlocked() -> None:
    assert "ci-bot secret unlock --repo acme/shop" in refusal_of_run(run(), locked=True)


@pytest.mark.parametrize(
    ("limits", "of", "allowed"),
    [
        (SecretLimits(), run(), True),
        (SecretLimits(events=("push",)), run(), True),
        (SecretLimits(events=("tag",)), run(), False),
        (SecretLimits(branches=("main",)), run(), True),
        (SecretLimits(branches=("release/*",)), run(ref="release/1"), True),
        (SecretLimits(branches=("release/*",)), run(ref="release/1/x"), False),
        (SecretLimits(branches=("release/**",)), run(ref="release/1/x"), True),
        (SecretLimits(branches=("main",)), run(ref="mainly"), False),
        # A fork's branch may be called like ours, so a pull request is on none of them.
        (SecretLimits(branches=("main",)), run(RunKind.PULL_REQUEST, pull=3), False),
        (SecretLimits(branches=("main",)), run(RunKind.MANUAL, pull=3), False),
        (SecretLimits(branches=("main",)), run(RunKind.TAG), False),
        (SecretLimits(branches=("main",)), run(RunKind.MERGE_GROUP, ref="q", base_ref="main"), True),
        (SecretLimits(images=("registry.example/tools/*",)), run(), True),
        (SecretLimits(images=("registry.example/*",)), run(), False),
    ],
)
def test_a_secrets_own_limits(limits: SecretLimits, of: Run, allowed: bool) -> None:
    assert (refusal_of_use(REF, limits, of, STEP) == "") == allowed


def test_a_pattern_with_too_many_stars_matches_nothing() -> None:
    assert not matches("*a" * 20, "aaaa")


def test_every_part_of_a_row_is_bound_to_its_value() -> None:
    row = StoredSecret("1", "github:7", "TOKEN", "k", b"", SecretLimits(), 0.0, "me")
    others = (
        replace(row, id="2"),
        replace(row, scope="github:8"),
        replace(row, name="OTHER"),
        replace(row, limits=SecretLimits(events=("push",))),
    )
    assert len({row.identity, *(other.identity for other in others)}) == 5
