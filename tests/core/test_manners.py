"""What differs between forges for the people who use them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core.asking import Candidate, refusal
from ci_bot.core.events import Access, Actor, Permission
from ci_bot.core.manners import command, manners_of, numbered, prefixes
from ci_bot.core.secret_rules import refusal_of_run
from ci_bot.core.trust import Ruling, Vouched
from tests.core.report.samples import run
from tests.make import ALICE, REPO, new_run, pull

BOB = Actor(2, "bob")

GITLAB = replace(REPO, forge="gitlab", name="acme/tools/app", tenant="acme")


@pytest.mark.parametrize(
    ("forge", "chosen", "heard"),
    [
        ("github", "", ("",)),
        ("github", "bot", ("bot",)),
        ("gitlab", "", ("ci", "")),
        ("gitlab", "bot", ("bot",)),
        ("local", "", ("",)),
    ],
)
def test_what_commands_begin_with(forge: str, chosen: str, heard: tuple[str, ...]) -> None:
    assert prefixes(forge, chosen) == heard
    assert command(forge, chosen, "retry") == (f"/{heard[0]} retry" if heard[0] else "/retry")


def test_a_forge_calls_things_by_its_own_names() -> None:
    assert (numbered("github", 3), numbered("gitlab", 3)) == ("#3", "!3")
    assert manners_of("gitlab").pull == "merge request"
    assert manners_of("elsewhere") == manners_of("github")


def test_who_may_approve_is_named_as_the_forge_names_them() -> None:
    candidate = Candidate(None, new_run(), pull(author=ALICE, head_repo=99))
    bob = Vouched(BOB, Access(BOB.id, Permission.WRITE, may_approve=False))
    assert refusal(GITLAB, candidate, bob).endswith("ask a maintainer")
    alice = Vouched(ALICE, Access(ALICE.id, Permission.ADMIN))
    assert refusal(GITLAB, candidate, alice).startswith(
        "nobody approves their own merge request: another"
    )


def test_a_step_without_secrets_names_the_command_as_it_is_written_there() -> None:
    held = replace(run(), repo=GITLAB, ruling=Ruling.RUN_WITHOUT_SECRETS)
    assert f"on the merge request, /ci approve {held.sha} gives" in refusal_of_run(held, locked=False)
