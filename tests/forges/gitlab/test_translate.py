"""What each of GitLab's events becomes, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from ci_bot.core.errors import BadDelivery
from ci_bot.core.events import (
    NO_SHA,
    Actor,
    Commented,
    Event,
    Pull,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    TagPushed,
)
from ci_bot.forges.gitlab import GitLabWebhook
from ci_bot.forges.gitlab.translate import NOBODY
from tests.forges.gitlab.payloads import (
    BOT,
    MOMENT,
    OLD,
    PROJECT,
    SHA,
    ZEROS,
    headers,
    merge_request,
    note,
    project,
    push,
    raw,
    tag_push,
)
from tests.forges.gitlab.scene import ShiftedClock

WEBHOOK = GitLabWebhook(signing_tokens=[], plain_tokens=["x"], clock=ShiftedClock(), bot_id=BOT)
REPO = Repo("gitlab", 11, "acme/shop/web", "main", private=True, tenant="acme")
LISTED = Repo("gitlab", 11, "acme/shop/web", "", private=True, tenant="acme")
ALICE = Actor(7, "alice")


def pull(**fields: Any) -> Pull:
    known: dict[str, Any] = {
        "number": 4,
        "title": "Add a feature",
        "author": ALICE,
        "head_sha": SHA,
        "head_ref": "feature",
        "head_repo": 11,
        "base_ref": "main",
        "base_sha": NO_SHA,
        "is_open": True,
        "is_draft": False,
        "labels": ("API",),
    }
    return Pull(**known | fields)


def of(name: str, body: dict[str, Any]) -> Event | None:
    return WEBHOOK.parse(headers(name), raw(body))


def of_push(**fields: Any) -> Event | None:
    return of("Push Hook", push(**fields))


def of_merge_request(action: str, **fields: Any) -> Event | None:
    return of("Merge Request Hook", merge_request(action, **fields))


def of_note(text: str = "/retry", **fields: Any) -> Event | None:
    return of("Note Hook", note(text, **fields))


# ── pushes ───────────────────────────────────────────────────────────────────────────────────


def test_a_push_to_a_branch() -> None:
    assert of_push() == Pushed(REPO, "main", SHA, OLD, "Change files", ALICE)


def test_a_new_branch_with_a_slash_and_none_of_its_commits_listed() -> None:
    event = of_push(ref="refs/heads/a/b", before=ZEROS, commits=[])
    assert event == Pushed(REPO, "a/b", SHA, ZEROS, "", ALICE)


def test_a_push_of_a_system_hook_lists_no_commits() -> None:
    body = push(commits=None)
    assert of("System Hook", body) == Pushed(REPO, "main", SHA, OLD, "", ALICE)


def test_older_versions_leave_out_the_projects_number_and_the_user_name() -> None:
    body = push(project={key: value for key, value in PROJECT.items() if key != "id"})
    del body["user_username"]
    event = of("Push Hook", body)
    assert event == Pushed(REPO, "main", SHA, OLD, "Change files", Actor(7, "user-7"))


def test_a_removed_branch() -> None:
    event = of_push(after=ZEROS, checkout_sha=None)
    assert event == RefDeleted(REPO, "refs/heads/main", ALICE)


def test_another_ref_asks_for_nothing() -> None:
    assert of_push(ref="refs/merge-requests/1/head") is None


def test_an_annotated_tag_is_the_commit_behind_it() -> None:
    event = of("Tag Push Hook", tag_push())
    assert event == TagPushed(REPO, "v1", SHA, "Change files", ALICE)


def test_a_tag_of_no_commit_asks_for_nothing_and_a_removed_one_is_gone() -> None:
    assert of("Tag Push Hook", tag_push(checkout_sha=None)) is None
    gone = tag_push(after=ZEROS, checkout_sha=None)
    assert of("Tag Push Hook", gone) == RefDeleted(REPO, "refs/tags/v1", ALICE)


@pytest.mark.parametrize(("level", "private"), [(0, True), (10, True), (20, False), (None, True)])
def test_what_not_everybody_may_read_is_private(level: int | None, private: bool) -> None:
    event = of_push(project={**PROJECT, "visibility_level": level})
    assert isinstance(event, Pushed)
    assert event.repo.private is private


def test_the_account_of_a_projects_access_token_is_a_bot() -> None:
    event = of_push(user_username="project_11_bot_0123456789abcdef0123456789abcdef")
    assert isinstance(event, Pushed)
    assert event.actor.is_bot
    plain = of_push(user_username="group_therapy_bot_fan")
    assert isinstance(plain, Pushed)
    assert not plain.actor.is_bot


# ── merge requests ───────────────────────────────────────────────────────────────────────────


def test_an_opened_merge_request_brings_its_head() -> None:
    assert of_merge_request("open") == PullRequestChanged(REPO, pull(), ALICE, True, "", MOMENT)


def test_a_push_to_it_says_what_was_there_and_not_since_when() -> None:
    event = of_merge_request("update", oldrev=OLD)
    assert event == PullRequestChanged(REPO, pull(), ALICE, True, OLD, 0.0)


def test_from_a_fork_by_an_author_who_is_only_a_number() -> None:
    event = of_merge_request("update", oldrev=OLD, source_project_id=12, author_id=8)
    assert isinstance(event, PullRequestChanged)
    assert event.pull == pull(head_repo=12, author=Actor(8, "user-8"))
    assert event.actor == ALICE


@pytest.mark.parametrize(
    "changes",
    [
        {"target_branch": {"previous": "old", "current": "main"}},
        {"draft": {"previous": True, "current": False}},
    ],
)
def test_another_target_and_the_end_of_a_draft_ask_anew(changes: dict[str, Any]) -> None:
    event = of_merge_request("update", changes=changes)
    assert event == PullRequestChanged(REPO, pull(), ALICE, False, "", 0.0)


@pytest.mark.parametrize(
    "changes",
    [{}, {"title": {"previous": "a", "current": "b"}}, {"draft": {"current": True}}],
)
def test_other_updates_ask_for_nothing(changes: dict[str, Any]) -> None:
    assert of_merge_request("update", changes=changes) is None


def test_reopened_it_brings_nothing() -> None:
    assert of_merge_request("reopen") == PullRequestChanged(REPO, pull(), ALICE, False, "", 0.0)


@pytest.mark.parametrize(("action", "state"), [("close", "closed"), ("merge", "merged")])
def test_closed_and_merged(action: str, state: str) -> None:
    closed = PullRequestClosed(REPO, pull(is_open=False), ALICE)
    assert of_merge_request(action, state=state) == closed


@pytest.mark.parametrize("action", ["approved", "unapproved", "approval", "unapproval", ""])
def test_gitlabs_own_approvals_ask_for_nothing(action: str) -> None:
    assert of_merge_request(action or "approved") is None


def test_labels_ask_anew_and_say_that_nothing_else_did() -> None:
    labels = {"labels": {"previous": [], "current": [{"title": "bug"}]}}
    event = of_merge_request("update", changes=labels)
    assert isinstance(event, PullRequestChanged)
    assert event.relabelled
    assert not event.brought_head
    for more in ({"oldrev": OLD}, {"changes": labels | {"target_branch": {}}}):
        event = of_merge_request("update", **({"changes": labels} | more))
        assert isinstance(event, PullRequestChanged)
        assert not event.relabelled


def test_a_draft_by_its_name_of_either_age() -> None:
    for fields in ({"draft": True}, {"draft": None, "work_in_progress": True}):
        told = {key: value for key, value in fields.items() if value is not None}
        body = merge_request("open", **told)
        if "draft" not in told:
            del body["object_attributes"]["draft"]
        event = of("Merge Request Hook", body)
        assert isinstance(event, PullRequestChanged)
        assert event.pull.is_draft


def test_without_a_commit_there_is_nothing_to_test_yet() -> None:
    assert of_merge_request("open", last_commit=None) is None


def test_a_fork_that_is_gone() -> None:
    event = of_merge_request("close", source_project_id=None, state="closed")
    assert isinstance(event, PullRequestClosed)
    assert event.pull.head_repo is None


def test_it_must_be_of_the_project_that_it_is_sent_for() -> None:
    with pytest.raises(BadDelivery):
        of_merge_request("open", target_project_id=12)


# ── notes ────────────────────────────────────────────────────────────────────────────────────


def test_a_new_note() -> None:
    assert of_note("/retry\n") == Commented(REPO, 4, 1244, "/retry\n", ALICE, MOMENT)


def test_before_16_11_notes_had_no_action_and_edits_were_not_told_of() -> None:
    assert isinstance(of_note(action=None), Commented)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "update"},
        {"noteable_type": "Issue"},
        {"noteable_type": "Commit"},
        {"system": True},
        {"internal": True},
        {"event_type": "confidential_note"},
    ],
)
def test_what_is_no_new_note_that_everybody_sees_commands_nothing(fields: dict[str, Any]) -> None:
    assert of_note(**fields) is None


def test_our_own_notes_and_those_of_other_bots_command_nothing() -> None:
    own = {"id": BOT, "username": "ci-bot"}
    assert of_note(user=own, author_id=BOT) is None
    other = {"id": 8, "username": "group_3_bot_0123456789abcdef0123456789abcdef"}
    assert of_note(user=other, author_id=8) is None


def test_a_note_that_is_not_the_senders_is_a_bad_delivery() -> None:
    with pytest.raises(BadDelivery):
        of_note(author_id=8)


# ── projects ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("project_rename", RepoRenamed(LISTED, NOBODY)),
        ("project_update", RepoRenamed(LISTED, NOBODY)),
        ("project_transfer", RepoTransferred(LISTED, NOBODY)),
        ("project_destroy", RepoDeleted(LISTED, NOBODY)),
        ("project_create", None),
        ("user_create", None),
    ],
)
def test_system_hooks_about_projects(event: str, expected: Event | None) -> None:
    assert of("System Hook", project(event)) == expected


def test_the_older_way_to_write_visibility() -> None:
    event = of("System Hook", project("project_update", project_visibility="visibilitylevel|public"))
    assert isinstance(event, RepoRenamed)
    assert not event.repo.private


def test_a_groups_hook_tells_of_a_project_that_is_gone() -> None:
    assert of("Project Hook", project("project_destroy")) == RepoDeleted(LISTED, NOBODY)
    assert of("Project Hook", project("project_create")) is None
