"""Every rule by which an event becomes runs, or one reason why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_bot.core import asking, deciding
from ci_bot.core.deciding import Head, natural_key
from ci_bot.core.decisions import Decision, ForgetRepo, NewRun, Retry, SeeRepo, Withdraw
from ci_bot.core.events import (
    NO_SHA,
    Access,
    Actor,
    MergeGroupAsked,
    MergeGroupDropped,
    Permission,
    PullRequestClosed,
    RefDeleted,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TagPushed,
    TenantChanged,
)
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.occasion import NOT_ASKED
from ci_bot.core.pipeline import read
from ci_bot.core.trust import Ruling, Trust, Vouched
from tests.make import ALICE, MALLORY, REPO, SHA_A, SHA_B, SHA_C, opened, pull, pushed

TRUSTED = Trust(Ruling.RUN)
STRANGE = Trust(Ruling.WAIT, awaited="@mallory has no write access to this repository")
JOBS = "jobs: {test: {steps: [make]}}\n"
BROKEN = "jobs: {test: {step: [make]}}\n"
FORK = 99


def head(text: str | None = JOBS, *, base: bool = False, message: str = "Fix it") -> Head:
    """A commit with this configuration, None for a commit without one."""
    reading = None if text is None else read(text.encode(), default_image="img")
    return Head(reading, base, message)


def only(decision: Decision) -> NewRun:
    (new,) = decision.create
    return new


def past(sha: str, ref: str = "feature", **more: object) -> Run:
    run = Run(f"run-{sha[:3]}", "k", REPO, RunKind.PUSH, ref, sha, Verdict.PLANNED, ALICE, 0.0)
    return replace(run, **more)  # type: ignore[arg-type]


def pull_decision(
    text: str | None = JOBS, *, trust: Trust = TRUSTED, head_repo: int | None = REPO.id, **more: object
) -> Decision:
    event = opened(pull(head_repo=head_repo))
    return deciding.decide_pull(event, event.pull, head(text, **more), trust)  # type: ignore[arg-type]


def push_decision(
    text: str | None = JOBS, branch: str = "feature", message: str = "Fix it", *, base: bool = False
) -> Decision:
    event = pushed(branch=branch, before=SHA_B)
    return deciding.decide_push(event, head(text, base=base, message=message), (), (), TRUSTED)


# ── labels ───────────────────────────────────────────────────────────────────────────────────

LABELLED = """\
jobs:
  test: {steps: [make]}
  ui: {if: '"ui" in labels', steps: [make]}
  docs: {steps: [make, {run: publish, if: '"docs" in labels'}]}
"""


def labelled(*labels: str, text: str = LABELLED, known: tuple[NewRun, ...] = ()) -> Decision:
    event = replace(opened(pull(labels=labels), brought_head=False), relabelled=True)
    runs = [past(SHA_A, key=new.key, kind=RunKind.PULL_REQUEST, pull=3) for new in known]
    return deciding.decide_pull(event, event.pull, head(text), TRUSTED, runs)


def test_labels_that_a_condition_asks_for_are_another_question() -> None:
    before = only(pull_decision(LABELLED))
    after = only(labelled("ui", known=(before,)))
    assert after.key != before.key
    assert after.plan is not None
    assert [bool(job.skip) for job in after.plan.jobs] == [False, False, False]
    assert only(labelled("docs", "ui", known=(before, after))).key not in (before.key, after.key)


def test_the_runs_of_other_labels_are_superseded() -> None:
    decision = labelled("ui", known=(only(pull_decision(LABELLED)),))
    (withdraw, *_) = decision.withdraw
    assert (withdraw.superseded, withdraw.except_key) == (True, only(decision).key)


def test_labels_that_no_condition_asks_for_start_nothing() -> None:
    before = only(pull_decision(LABELLED))
    assert labelled("big", known=(before,)).create == ()
    with_ui = only(labelled("ui", known=(before,)))
    assert labelled("ui", "big", known=(before, with_ui)).create == ()


def test_labels_that_were_there_before_are_the_same_question_again() -> None:
    before, with_ui = only(pull_decision(LABELLED)), only(labelled("ui"))
    event = replace(opened(pull(), brought_head=False), relabelled=True)
    superseded = past(SHA_A, key=before.key, superseded=True)
    known = [superseded, past(SHA_A, key=with_ui.key)]
    decision = deciding.decide_pull(event, event.pull, head(LABELLED), TRUSTED, known)
    assert only(decision).key == before.key


def test_only_files_whose_conditions_read_labels_ask_for_them() -> None:
    assert deciding.asks_for_labels(head(LABELLED).reading)
    assert not deciding.asks_for_labels(head(JOBS).reading)
    assert not deciding.asks_for_labels(head(BROKEN).reading)
    assert not deciding.asks_for_labels(None)


# ── natural keys ─────────────────────────────────────────────────────────────────────────────


def test_a_redelivery_has_the_same_key() -> None:
    assert only(pull_decision()).key == only(pull_decision()).key
    assert only(push_decision()).key == only(push_decision()).key


def test_another_base_is_another_key_and_another_title_is_not() -> None:
    event = opened(pull())
    keys = {
        only(deciding.decide_pull(event, current, head(), TRUSTED)).key
        for current in (pull(), pull(title="New title"), pull(base_ref="release"))
    }
    assert len(keys) == 2


def test_repository_kind_ref_and_sha_each_make_another_key() -> None:
    other = replace(REPO, id=8)
    keys = {
        natural_key(REPO, RunKind.PUSH, "a", SHA_A),
        natural_key(other, RunKind.PUSH, "a", SHA_A),
        natural_key(REPO, RunKind.TAG, "a", SHA_A),
        natural_key(REPO, RunKind.PUSH, "b", SHA_A),
        natural_key(REPO, RunKind.PUSH, "a", SHA_B),
    }
    assert len(keys) == 5


def test_a_renamed_repository_keeps_its_keys() -> None:
    renamed = replace(REPO, name="acme/store")
    assert natural_key(REPO, RunKind.PUSH, "a", SHA_A) == natural_key(renamed, RunKind.PUSH, "a", SHA_A)


# ── pull requests ────────────────────────────────────────────────────────────────────────────


def test_a_pull_request_is_tested_at_its_head_against_its_base() -> None:
    new = only(pull_decision())
    assert (new.kind, new.sha, new.ref, new.pull) == (RunKind.PULL_REQUEST, SHA_A, "feature", 3)
    assert (new.base_ref, new.base_sha, new.title) == ("main", SHA_C, "Add a feature")
    assert new.verdict is Verdict.PLANNED
    assert new.plan is not None
    assert [job.id for job in new.plan.jobs] == ["test"]


def test_a_head_that_has_moved_on_starts_nothing_and_withdraws_nothing() -> None:
    decision = deciding.decide_pull(opened(pull(SHA_A)), pull(SHA_B), head(), TRUSTED)
    assert (decision.create, decision.withdraw) == ((), ())
    assert decision.reason == "#3 has moved on to bbbbbbb; that head has an event of its own"


def test_a_pull_request_that_is_closed_by_now_starts_nothing() -> None:
    decision = deciding.decide_pull(opened(pull()), pull(is_open=False), head(), TRUSTED)
    assert (decision.create, decision.reason) == ((), "#3 is closed by now")


def test_a_new_head_supersedes_the_older_ones_of_its_pull_request_alone() -> None:
    decision = pull_decision()
    older = decision.withdraw[0]
    assert older == Withdraw(
        REPO.key,
        "superseded by aaaaaaa",
        superseded=True,
        kind=RunKind.PULL_REQUEST,
        pull=3,
        except_key=only(decision).key,
    )


def test_a_strangers_head_is_held_whatever_its_file_says() -> None:
    for text in (JOBS, BROKEN, "on: push\n" + JOBS):
        new = only(pull_decision(text, trust=STRANGE, head_repo=FORK))
        assert (new.verdict, new.reason) == (Verdict.HELD, STRANGE.awaited)
        assert new.plan is None


def test_skip_ci_of_a_stranger_is_held_too() -> None:
    assert only(pull_decision(trust=STRANGE, message="x [skip ci]")).verdict is Verdict.HELD


def test_a_pull_request_supersedes_the_push_of_its_head() -> None:
    assert pull_decision().withdraw[1] == Withdraw(
        REPO.key, "#3 tests this commit", superseded=True, kind=RunKind.PUSH, sha=SHA_A
    )


def test_a_pull_request_that_selects_nothing_leaves_the_push_alone() -> None:
    decision = pull_decision("on: push\n" + JOBS)
    assert only(decision).verdict is Verdict.NOTHING_TO_RUN
    assert all(one.kind is RunKind.PULL_REQUEST for one in decision.withdraw)


def test_a_pull_request_from_a_fork_leaves_a_push_of_the_same_commit_alone() -> None:
    for trust in (TRUSTED, STRANGE):
        decision = pull_decision(trust=trust, head_repo=FORK)
        assert all(one.kind is RunKind.PULL_REQUEST for one in decision.withdraw)


def test_a_pull_request_of_a_deleted_fork_counts_as_foreign() -> None:
    assert len(pull_decision(head_repo=None).withdraw) == 1


# ── pushes ───────────────────────────────────────────────────────────────────────────────────


def test_a_push_is_tested() -> None:
    new = only(push_decision())
    assert (new.kind, new.ref, new.sha, new.base_sha) == (RunKind.PUSH, "feature", SHA_A, SHA_B)


def test_the_title_is_the_first_line_of_the_message() -> None:
    event = pushed(message="Fix it\n\nAt last.")
    assert only(deciding.decide_push(event, head(), (), (), TRUSTED)).title == "Fix it"


def test_a_push_beside_an_open_pull_request_is_tested_by_that() -> None:
    decision = deciding.decide_push(
        pushed(branch="feature"), head(), [(pull(), NOT_ASKED)], (), TRUSTED
    )
    assert (decision.create, decision.reason) == ((), "#3 tests this commit")


@pytest.mark.parametrize("text", [BROKEN, None])
def test_a_broken_or_missing_file_is_told_by_the_pull_request_too(text: str | None) -> None:
    decision = deciding.decide_push(
        pushed(branch="feature"), head(text, base=True), [(pull(), NOT_ASKED)], (), TRUSTED
    )
    assert (decision.create, decision.reason) == ((), "#3 tests this commit")


def test_a_file_for_pushes_alone_is_tested_beside_an_open_pull_request() -> None:
    decision = deciding.decide_push(
        pushed(branch="feature"), head("on: push\n" + JOBS), [(pull(), NOT_ASKED)], (), TRUSTED
    )
    assert only(decision).verdict is Verdict.PLANNED


def test_a_new_head_of_a_branch_supersedes_the_older_ones() -> None:
    decision = push_decision(branch="feature")
    assert decision.withdraw[0] == Withdraw(
        REPO.key,
        "superseded by aaaaaaa",
        superseded=True,
        kind=RunKind.PUSH,
        ref="feature",
        except_key=only(decision).key,
    )


def test_the_older_ones_are_superseded_also_where_the_new_head_has_nothing_to_test() -> None:
    for decision in (
        push_decision(None),
        deciding.decide_push(pushed(branch="feature"), head(), [(pull(), NOT_ASKED)], (), TRUSTED),
    ):
        assert decision.create == ()
        assert [one.ref for one in decision.withdraw] == ["feature"]


def test_on_the_default_branch_each_commit_keeps_its_own_answer() -> None:
    assert all(one.ref is None for one in push_decision(branch="main").withdraw)


def test_a_push_that_arrives_after_a_newer_one_starts_nothing() -> None:
    event = pushed(SHA_A, branch="feature", before=NO_SHA)
    decision = deciding.decide_push(event, head(), (), (past(SHA_B, base_sha=SHA_A),), TRUSTED)
    assert (decision.create, decision.withdraw) == ((), ())
    assert decision.reason == "feature has moved on since"


def test_a_late_push_to_the_default_branch_is_tested_all_the_same() -> None:
    event = pushed(SHA_A, branch="main", before=NO_SHA)
    decision = deciding.decide_push(event, head(), (), (past(SHA_B, "main", base_sha=SHA_A),), TRUSTED)
    assert only(decision).sha == SHA_A


def test_a_branch_that_is_forced_back_is_tested_again() -> None:
    event = pushed(SHA_A, branch="feature", before=SHA_B)
    assert deciding.decide_push(event, head(), (), (past(SHA_B, base_sha=SHA_A),), TRUSTED).create


def test_a_branch_that_is_forced_back_by_several_pushes_is_tested_again() -> None:
    event = pushed(SHA_A, branch="feature", before=SHA_C)
    newer = (past(SHA_B, base_sha=SHA_A), past(SHA_C, base_sha=SHA_B))
    assert deciding.decide_push(event, head(), (), newer, TRUSTED).create


def releases(decision: Decision) -> bool:
    return any(one.verdict is Verdict.HELD for one in decision.withdraw)


def test_a_planned_push_releases_what_was_held_on_the_same_commit() -> None:
    decision = push_decision(branch="main")
    assert decision.withdraw == (
        Withdraw(
            REPO.key, "pushed to this repository", superseded=True, sha=SHA_A, verdict=Verdict.HELD
        ),
    )


@pytest.mark.parametrize("text", [BROKEN, None, "on: pull_request\n" + JOBS])
def test_a_push_that_tests_nothing_releases_nothing(text: str | None) -> None:
    assert not releases(push_decision(text, base=True))
    assert not releases(push_decision(message="[skip ci]"))


def test_a_planned_pull_request_of_the_repository_itself_releases_what_was_held_too() -> None:
    assert releases(pull_decision())


def test_a_pull_request_from_a_fork_releases_nothing() -> None:
    assert not releases(pull_decision(head_repo=FORK))


def test_a_pull_request_that_tests_nothing_releases_nothing() -> None:
    for text in (BROKEN, "on: push\n" + JOBS):
        assert not releases(pull_decision(text))


# ── what the configuration and the message say ───────────────────────────────────────────────


@pytest.mark.parametrize(
    "message", ["Fix [skip ci]", "[ci skip] Fix", "Fix\n\n[SKIP CI]", "x [Ci Skip] y", "[skip ci]"]
)
def test_skip_ci_starts_nothing_and_says_so(message: str) -> None:
    for new in (only(push_decision(message=message)), only(pull_decision(message=message))):
        assert new.verdict is Verdict.SKIP_CI
        assert new.reason in (
            'the commit message says "[skip ci]"',
            'the commit message says "[ci skip]"',
        )
        assert new.plan is None


@pytest.mark.parametrize("message", ["skip ci", "[skip-ci]", "[skipci]", "[skip  ci]", ""])
def test_other_words_skip_nothing(message: str) -> None:
    assert only(push_decision(message=message)).verdict is Verdict.PLANNED


def test_a_broken_file_is_told_with_all_its_problems() -> None:
    for decision in (push_decision(BROKEN), pull_decision(BROKEN)):
        new = only(decision)
        assert new.verdict is Verdict.CONFIG_BROKEN
        assert any('did you mean "steps"' in str(problem) for problem in new.problems)


def test_a_commit_that_removes_the_file_is_told() -> None:
    for decision in (push_decision(None, base=True), pull_decision(None, base=True)):
        new = only(decision)
        assert (new.verdict, new.plan) == (Verdict.CONFIG_MISSING, None)
        assert new.reason == "this commit removes .ci.yaml, which its base has"


def test_without_any_configuration_nothing_is_published() -> None:
    for decision in (push_decision(None), pull_decision(None)):
        assert decision.create == ()
        assert decision.reason.startswith("no .ci.yaml, neither here nor")


def test_where_nothing_is_selected_the_reason_is_told() -> None:
    new = only(push_decision("on: [pull_request, tag]\n" + JOBS))
    assert (new.verdict, new.plan) == (Verdict.NOTHING_TO_RUN, None)
    assert new.reason == '"on" names pull_request and tag, not push'


# ── tags and merge queues ────────────────────────────────────────────────────────────────────


def tag_decision(text: str | None, *, base: bool = False, message: str = "x") -> Decision:
    event = TagPushed(REPO, "v1", SHA_A, message, ALICE)
    return deciding.decide_tag(event, head(text, base=base, message=message), TRUSTED)


def test_a_tag_that_the_file_names_is_tested() -> None:
    new = only(tag_decision("on: tag\n" + JOBS))
    assert (new.kind, new.ref, new.verdict) == (RunKind.TAG, "v1", Verdict.PLANNED)


def test_a_tag_that_the_file_does_not_name_is_silent() -> None:
    decision = tag_decision(JOBS)
    assert (decision.create, decision.reason) == ((), '"on" names push and pull_request, not tag')


def test_a_tag_without_configuration_is_silent_whatever_was_before() -> None:
    assert tag_decision(None, base=True).create == ()


def test_a_tag_withdraws_nothing() -> None:
    assert tag_decision("on: tag\n" + JOBS).withdraw == ()


def test_skip_ci_holds_for_tags() -> None:
    assert only(tag_decision("on: tag\n" + JOBS, message="[skip ci]")).verdict is Verdict.SKIP_CI


GROUP = MergeGroupAsked(REPO, SHA_A, "refs/heads/queue/main/pr-3", "main", SHA_B, ALICE)


def test_a_merge_queue_gets_its_answer() -> None:
    new = only(deciding.decide_merge_group(GROUP, head("on: merge_group\n" + JOBS), TRUSTED))
    assert (new.kind, new.sha, new.verdict) == (RunKind.MERGE_GROUP, SHA_A, Verdict.PLANNED)


def test_skip_ci_does_not_apply_to_a_merge_queue() -> None:
    found = head("on: merge_group\n" + JOBS, message="[skip ci]")
    assert only(deciding.decide_merge_group(GROUP, found, TRUSTED)).verdict is Verdict.PLANNED


def test_a_merge_queue_is_answered_also_where_nothing_is_selected() -> None:
    assert only(deciding.decide_merge_group(GROUP, head(), TRUSTED)).verdict is Verdict.NOTHING_TO_RUN


def test_a_merge_group_that_was_dropped_is_cancelled() -> None:
    decision = deciding.decide_merge_group_dropped(MergeGroupDropped(REPO, SHA_A, ALICE))
    (gone,) = decision.withdraw
    assert (gone.kind, gone.sha, gone.superseded) == (RunKind.MERGE_GROUP, SHA_A, False)


# ── what ends ────────────────────────────────────────────────────────────────────────────────


def test_closing_a_pull_request_cancels_its_runs() -> None:
    closed = pull(is_open=False)
    decision = deciding.decide_closed(PullRequestClosed(REPO, closed, ALICE), closed)
    (gone,) = decision.withdraw
    assert (gone.kind, gone.pull, gone.superseded) == (RunKind.PULL_REQUEST, 3, False)


def test_a_pull_request_that_is_open_again_by_now_is_left_alone() -> None:
    event = PullRequestClosed(REPO, pull(is_open=False), ALICE)
    decision = deciding.decide_closed(event, pull())
    assert (decision.withdraw, decision.reason) == ((), "#3 is open again by now")


def test_deleting_a_branch_cancels_its_pushes() -> None:
    (gone,) = deciding.decide_deleted(RefDeleted(REPO, "refs/heads/feature/x", ALICE)).withdraw
    assert (gone.kind, gone.ref, gone.superseded) == (RunKind.PUSH, "feature/x", False)


def test_deleting_a_tag_lets_its_run_stand() -> None:
    assert deciding.decide_deleted(RefDeleted(REPO, "refs/tags/v1", ALICE)).withdraw == ()


# ── re-run ───────────────────────────────────────────────────────────────────────────────────


def clicking(permission: Permission | None, account: int = ALICE.id) -> Vouched:
    return Vouched(ALICE, None if permission is None else Access(account, permission))


RERUN = RerunAsked(REPO, SHA_A, "ci-bot", ALICE)


def test_who_may_write_may_re_run() -> None:
    decision = asking.decide_rerun(RERUN, clicking(Permission.WRITE), [past(SHA_A)], None)
    assert decision.retry == (Retry(REPO.key, SHA_A, ("run-aaa",), ALICE),)


def test_one_job_is_re_run_by_its_key() -> None:
    decision = asking.decide_rerun(RERUN, clicking(Permission.ADMIN), [past(SHA_A)], "test")
    assert (decision.retry[0].jobs, decision.reason) == (("test",), '@alice re-runs job "test"')


@pytest.mark.parametrize("permission", [Permission.NONE, Permission.READ, None])
def test_who_may_not_write_may_not_re_run(permission: Permission | None) -> None:
    decision = asking.decide_rerun(RERUN, clicking(permission), [past(SHA_A)], None)
    assert (decision.retry, decision.reason) == ((), "@alice has no write access and may not re-run")


def test_an_answer_about_another_account_is_a_no() -> None:
    clicker = clicking(Permission.ADMIN, account=MALLORY.id)
    assert asking.decide_rerun(RERUN, clicker, [past(SHA_A)], None).retry == ()


def test_superseded_runs_are_not_re_run() -> None:
    runs = [past(SHA_A, superseded=True), past(SHA_A, id="live")]
    assert asking.decide_rerun(RERUN, clicking(Permission.WRITE), runs, None).retry[0].runs == ("live",)


def test_where_nothing_is_left_to_re_run_that_is_said() -> None:
    for runs in ([], [past(SHA_A, superseded=True)]):
        decision = asking.decide_rerun(RERUN, clicking(Permission.WRITE), runs, None)
        assert (decision.retry, decision.reason) == ((), "nothing to re-run on aaaaaaa")


# ── repositories ─────────────────────────────────────────────────────────────────────────────


def tenant(**more: object) -> TenantChanged:
    changed = TenantChanged("github", "42", (), (), is_gone=False, actor=ALICE)
    return replace(changed, **more)  # type: ignore[arg-type]


def test_being_installed_starts_nothing() -> None:
    decision = deciding.decide_tenant(tenant(added=(REPO,)))
    assert (decision.repos, decision.create) == ((SeeRepo(REPO),), ())


def test_repositories_that_were_taken_away_are_forgotten() -> None:
    decision = deciding.decide_tenant(tenant(removed=(7, 8)))
    assert decision.repos == (ForgetRepo("github", 7, "42"), ForgetRepo("github", 8, "42"))


def test_a_removed_installation_forgets_all_its_repositories() -> None:
    decision = deciding.decide_tenant(tenant(is_gone=True, added=(REPO,)))
    assert decision.repos == (ForgetRepo("github", None, "42"),)


def test_a_rename_changes_a_name_a_transfer_locks_and_a_deletion_forgets() -> None:
    assert deciding.decide_repo(RepoRenamed(REPO, ALICE)).repos == (SeeRepo(REPO),)
    assert deciding.decide_repo(RepoTransferred(REPO, ALICE)).repos == (SeeRepo(REPO, locked=True),)
    assert deciding.decide_repo(RepoDeleted(REPO, ALICE)).repos == (ForgetRepo("github", 7, None),)


# ── every decision ───────────────────────────────────────────────────────────────────────────


def test_every_decision_about_code_says_why_and_records_the_repository() -> None:
    closed = PullRequestClosed(REPO, pull(is_open=False), Actor(9, "bob"))
    for decision in (
        pull_decision(),
        pull_decision(None),
        push_decision(),
        push_decision(None),
        tag_decision(JOBS),
        tag_decision(None),
        deciding.decide_merge_group(GROUP, head(), TRUSTED),
        deciding.decide_merge_group(GROUP, head(None), TRUSTED),
        deciding.decide_closed(closed, closed.pull),
        deciding.decide_deleted(RefDeleted(REPO, "refs/heads/x", ALICE)),
        asking.decide_rerun(RERUN, clicking(None), [], None),
    ):
        assert decision.reason
        assert decision.repos == (SeeRepo(REPO),)
