"""What people read on GitLab, where a check is a line and a link: all else stands in the note."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ci_bot.core.events import Repo
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Plan
from ci_bot.core.report import checks, comment
from tests.core.report import samples
from tests.core.report.samples import job, link, run
from tests.core.report.test_golden import SITUATIONS, tails_of

GOLDEN = Path(__file__).parent / "golden_gitlab"
REPO = Repo("gitlab", 278964, "octo/tools/app", "main", private=False, tenant="octo")
SHOWN = (
    "config_broken",
    "failed",
    "held",
    "held_push",
    "infrastructure",
    "mixed",
    "refused",
    "skip_ci",
)
#: The reasons in these are the samples' own.
IN_OTHER_WORDS = {"cancelled", "nothing_to_run"}


def on_gitlab(situation):
    return [replace(run, repo=REPO) for run in SITUATIONS[situation]]


def note(runs):
    told = comment([run for run in runs if run.pull], tails_of(runs), link, True, "ci")
    return told.body if told else "none\n"


def rendered(situation):
    runs = on_gitlab(situation)
    statuses = [
        f"{each.name}: {each.state} {each.conclusion or ''} {each.title}"
        for each in checks(runs, {}, link, "ci")
    ]
    summary = checks(runs, {}, link, "ci")[0].summary
    return "\n".join([*statuses, "", summary, "=" * 100, note(runs)])


@pytest.mark.parametrize("situation", SHOWN)
def test_what_people_read(situation):
    file = GOLDEN / f"{situation}.md"
    text = rendered(situation)
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("situation", sorted(SITUATIONS.keys() - IN_OTHER_WORDS))
def test_no_note_speaks_of_what_gitlab_does_not_have(situation):
    said = [part for part in note(on_gitlab(situation)).splitlines() if "octocat" not in part]
    assert not [
        word
        for word in ("github", "ull request", "Re-run", "press **", "refs/pull")
        if word in "\n".join(said)
    ]


def test_each_failed_job_shows_what_it_said_last():
    assert note(on_gitlab("mixed")).count(" said last (") == 2


@pytest.mark.parametrize(
    ("forge", "fork", "told"), [(REPO, True, True), (REPO, False, False), (samples.REPO, True, False)]
)
def test_a_forks_success_is_told_where_no_check_may_show_it(forge, fork, told):
    plan = Plan("app", (), facts=Facts(event="pull_request", fork=fork))
    passed = replace(run(job("test")), plan=plan, repo=forge)
    made = comment([passed], {}, link, False, "ci")
    assert (made is not None) is told
    assert made is None or "**✅ 1 job passed" in made.body


def test_every_golden_file_is_shown():
    assert {file.stem for file in GOLDEN.iterdir()} == set(SHOWN)
