"""Which event of ours each of GitHub's becomes: bodies by hand, in the words of what happened."""

from __future__ import annotations

from typing import Any

import pytest

from ci_bot.core.errors import BadDelivery
from ci_bot.core.events import (
    Actor,
    Button,
    ButtonPressed,
    CommentDeleted,
    Commented,
    Event,
    MergeGroupAsked,
    MergeGroupDropped,
    Pull,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TagPushed,
    TenantChanged,
)
from ci_bot.forges.github import GitHubWebhook
from tests.forges.github import payloads
from tests.forges.github.payloads import APP_ID, BASE, BODIES, MOMENT, OLD, SHA, ZEROS, headers, raw

REPO = Repo("github", 11, "acme/web", "main", private=True, tenant="5")
LISTED = Repo("github", 11, "acme/web", "", private=True, tenant="5")
ALICE = Actor(7, "alice")


def parsed(name: str, body: dict[str, Any]) -> Event | None:
    return GitHubWebhook(["s"], APP_ID).parse(headers(name), raw(body))


def refused(name: str, body: dict[str, Any]) -> str:
    with pytest.raises(BadDelivery) as caught:
        parsed(name, body)
    return str(caught.value)


# ── pushes and refs ──────────────────────────────────────────────────────────────────────────


def test_a_push_to_a_branch() -> None:
    event = parsed("push", payloads.push("refs/heads/feature/x"))
    assert event == Pushed(REPO, "feature/x", SHA, OLD, "Change files", ALICE)


def test_a_new_branch_has_zeros_before() -> None:
    event = parsed("push", payloads.push(before=ZEROS, created=True))
    assert event == Pushed(REPO, "main", SHA, ZEROS, "Change files", ALICE)


def test_an_annotated_tag_is_peeled_to_its_commit() -> None:
    body = payloads.push("refs/tags/v1", after=OLD)  # `after` is the tag object
    assert parsed("push", body) == TagPushed(REPO, "v1", SHA, "Change files", ALICE)


def test_a_tag_of_something_that_is_no_commit_asks_nothing() -> None:
    assert parsed("push", payloads.push("refs/tags/v1", head_commit=None)) is None


@pytest.mark.parametrize("ref", ["refs/heads/x", "refs/tags/v1"])
def test_a_deleted_ref_by_its_push(ref: str) -> None:
    body = payloads.push(ref, after=ZEROS, deleted=True, head_commit=None)
    assert parsed("push", body) == RefDeleted(REPO, ref, ALICE)


@pytest.mark.parametrize(
    ("ref", "kind", "whole"), [("x", "branch", "refs/heads/x"), ("v1", "tag", "refs/tags/v1")]
)
def test_a_deleted_ref_by_its_own_event(ref: str, kind: str, whole: str) -> None:
    assert parsed("delete", payloads.deletion(ref, kind)) == RefDeleted(REPO, whole, ALICE)


def test_a_merge_queues_own_branches_are_told_by_the_merge_group_alone() -> None:
    queue = "refs/heads/gh-readonly-queue/main/pr-3"
    assert parsed("push", payloads.push(queue)) is None
    assert parsed("push", payloads.push(queue, after=ZEROS, deleted=True)) is None
    assert parsed("delete", payloads.deletion("gh-readonly-queue/main/pr-3")) is None


def test_a_push_of_neither_branch_nor_tag_asks_nothing() -> None:
    assert parsed("push", payloads.push("refs/notes/x")) is None


def test_a_push_is_by_its_sender_and_never_by_the_commits_author() -> None:
    body = payloads.push(pusher={"name": "root", "email": "root@example.com"})
    body["head_commit"]["author"] = {"name": "root", "username": "root"}
    event = parsed("push", body)
    assert isinstance(event, Pushed)
    assert event.actor == ALICE


def test_a_push_without_a_sender_is_by_nobody_who_could_be_trusted() -> None:
    event = parsed("push", payloads.push(sender=None))
    assert isinstance(event, Pushed)
    assert event.actor == Actor(0, "unknown")


# ── pull requests ────────────────────────────────────────────────────────────────────────────


def pull(**fields: Any) -> Pull:
    known: dict[str, Any] = {
        "number": 3,
        "title": "Mend it",
        "author": Actor(9, "mallory"),
        "head_sha": SHA,
        "head_ref": "patch",
        "head_repo": 99,
        "base_ref": "main",
        "base_sha": BASE,
        "is_open": True,
        "is_draft": False,
    }
    return Pull(**known | fields)


@pytest.mark.parametrize(
    ("action", "brought"),
    [("opened", True), ("synchronize", True), ("reopened", False), ("ready_for_review", False)],
)
def test_a_head_to_be_tested_and_whether_its_sender_brought_it(action: str, brought: bool) -> None:
    event = parsed("pull_request", payloads.pull_request(action))
    assert event == PullRequestChanged(REPO, pull(), ALICE, brought, at=MOMENT)


def test_a_push_to_a_pull_request_says_which_head_it_replaced() -> None:
    event = parsed("pull_request", payloads.pull_request("synchronize") | {"before": BASE})
    assert event == PullRequestChanged(REPO, pull(), ALICE, True, BASE, MOMENT)


def test_a_changed_base_is_to_be_tested_and_a_changed_title_is_not() -> None:
    base = payloads.pull_request("edited", changes={"base": {"ref": {"from": "old"}}})
    title = payloads.pull_request("edited", changes={"title": {"from": "old"}})
    assert parsed("pull_request", base) == PullRequestChanged(
        REPO, pull(), ALICE, brought_head=False, at=MOMENT
    )
    assert parsed("pull_request", title) is None


@pytest.mark.parametrize("action", ["labeled", "unlabeled"])
def test_other_labels_are_told_as_such(action: str) -> None:
    event = parsed("pull_request", payloads.pull_request(action))
    assert event == PullRequestChanged(
        REPO, pull(), ALICE, brought_head=False, at=MOMENT, relabelled=True
    )


def test_a_closed_pull_request() -> None:
    event = parsed("pull_request", payloads.pull_request("closed"))
    assert event == PullRequestClosed(REPO, pull(is_open=False), ALICE)


@pytest.mark.parametrize("action", ["milestoned", "assigned", "converted_to_draft", "locked", "new"])
def test_other_changes_of_a_pull_request_ask_nothing(action: str) -> None:
    assert parsed("pull_request", payloads.pull_request(action)) is None


def test_a_pull_request_whose_fork_and_author_were_deleted() -> None:
    body = payloads.pull_request()
    body["pull_request"]["head"]["repo"] = None
    body["pull_request"]["user"] = None
    event = parsed("pull_request", body)
    assert isinstance(event, PullRequestChanged)
    assert event.pull == pull(head_repo=None, author=Actor(10137, "ghost"))
    assert event.pull.is_from_fork(REPO)


def test_a_bot_is_told_apart_by_its_type() -> None:
    bot = {"id": 49699333, "login": "dependabot[bot]", "type": "Bot"}
    event = parsed("pull_request", payloads.pull_request(sender=bot))
    assert isinstance(event, PullRequestChanged)
    assert event.actor == Actor(49699333, "dependabot[bot]", is_bot=True)


# ── checks and merge groups ──────────────────────────────────────────────────────────────────


def test_a_re_run_of_one_check_and_of_the_suite() -> None:
    assert parsed("check_run", payloads.check_run()) == RerunAsked(REPO, SHA, "ci-bot / unit", ALICE)
    assert parsed("check_suite", payloads.check_suite()) == RerunAsked(REPO, SHA, None, ALICE)


def test_checks_of_other_apps_ask_nothing() -> None:
    assert parsed("check_run", payloads.check_run(app_id=1)) is None
    assert parsed("check_suite", payloads.check_suite(app_id=1)) is None


@pytest.mark.parametrize("action", ["created", "completed", "requested"])
def test_what_merely_happened_to_a_check_asks_nothing(action: str) -> None:
    assert parsed("check_run", payloads.check_run(action)) is None
    assert parsed("check_suite", payloads.check_suite(action)) is None


@pytest.mark.parametrize("button", Button)
def test_a_button_of_a_check_of_ours_is_bound_to_its_sha(button: Button) -> None:
    body = payloads.check_run("requested_action") | {"requested_action": {"identifier": str(button)}}
    assert parsed("check_run", body) == ButtonPressed(REPO, SHA, "ci-bot / unit", button, ALICE)


def test_a_button_that_is_not_known_and_one_of_another_app_ask_nothing() -> None:
    unknown = payloads.check_run("requested_action") | {"requested_action": {"identifier": "old"}}
    assert parsed("check_run", unknown) is None
    theirs = payloads.check_run("requested_action", app_id=1)
    assert parsed("check_run", theirs | {"requested_action": {"identifier": "approve"}}) is None


# ── comments ─────────────────────────────────────────────────────────────────────────────────


def test_a_new_comment_by_a_person_on_a_pull_request() -> None:
    event = parsed("issue_comment", payloads.issue_comment())
    assert event == Commented(REPO, 3, 77, "/retry", ALICE, MOMENT)


def test_a_deleted_comment_may_have_been_an_approval() -> None:
    event = parsed("issue_comment", payloads.issue_comment("deleted"))
    assert event == CommentDeleted(REPO, 3, 77, ALICE)


def test_an_edited_comment_asks_nothing() -> None:
    assert parsed("issue_comment", payloads.issue_comment("edited")) is None


def test_a_comment_on_an_issue_asks_nothing() -> None:
    assert parsed("issue_comment", payloads.issue_comment(issue={"number": 3})) is None


@pytest.mark.parametrize(
    "change",
    [
        {"performed_via_github_app": {"id": 5}},
        {"user": {"id": 8, "login": "x[bot]", "type": "Bot"}},
        {"user": None},
    ],
)
def test_comments_of_bots_and_apps_ask_nothing(change: dict[str, Any]) -> None:
    body = payloads.issue_comment()
    body["comment"] = body["comment"] | change
    assert parsed("issue_comment", body) is None


def test_a_comment_that_somebody_else_sends_is_refused() -> None:
    body = payloads.issue_comment()
    body["comment"] = body["comment"] | {"user": {"id": 8, "login": "bob", "type": "User"}}
    assert "comment.user must be the sender" in refused("issue_comment", body)


@pytest.mark.parametrize("moment", [None, "", "yesterday", 12, "2026-11-25T10:00:00"])
def test_a_comment_without_a_moment_is_refused(moment: object) -> None:
    body = payloads.issue_comment()
    body["comment"] = body["comment"] | {"created_at": moment}
    assert "comment.created_at must be a moment" in refused("issue_comment", body)


def test_a_merge_group_asked_for_and_dropped() -> None:
    ref = "gh-readonly-queue/main/pr-3"
    asked = MergeGroupAsked(REPO, SHA, ref, base_ref="main", base_sha=BASE, actor=ALICE)
    assert parsed("merge_group", payloads.merge_group()) == asked
    dropped = parsed("merge_group", {**payloads.merge_group("destroyed"), "reason": "invalidated"})
    assert dropped == MergeGroupDropped(REPO, SHA, ALICE)


# ── installations and repositories ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", ["created", "unsuspend", "new_permissions_accepted"])
def test_an_installation_that_is_there(action: str) -> None:
    event = parsed("installation", payloads.installation(action))
    assert event == TenantChanged("github", "5", (LISTED,), (), is_gone=False, actor=ALICE)


@pytest.mark.parametrize("action", ["deleted", "suspend"])
def test_an_installation_that_is_gone(action: str) -> None:
    event = parsed("installation", payloads.installation(action))
    assert event == TenantChanged("github", "5", (), (11,), is_gone=True, actor=ALICE)


def test_repositories_given_and_taken() -> None:
    given = parsed("installation_repositories", payloads.installation_repositories("added"))
    taken = parsed("installation_repositories", payloads.installation_repositories("removed"))
    assert given == TenantChanged("github", "5", (LISTED,), (), is_gone=False, actor=ALICE)
    assert taken == TenantChanged("github", "5", (), (11,), is_gone=False, actor=ALICE)


@pytest.mark.parametrize(
    ("action", "changes", "expected"),
    [
        ("renamed", {"repository": {"name": {"from": "old"}}}, RepoRenamed(REPO, ALICE)),
        ("edited", {"default_branch": {"from": "master"}}, RepoRenamed(REPO, ALICE)),
        ("edited", {"description": {"from": ""}}, None),
        ("privatized", {}, RepoRenamed(REPO, ALICE)),
        ("publicized", {}, RepoRenamed(REPO, ALICE)),
        ("transferred", {"owner": {"from": {}}}, RepoTransferred(REPO, ALICE)),
        ("deleted", {}, RepoDeleted(REPO, ALICE)),
        ("created", {}, None),
        ("archived", {}, None),
    ],
)
def test_what_happens_to_a_repository(
    action: str, changes: dict[str, Any], expected: Event | None
) -> None:
    assert parsed("repository", payloads.repository(action, changes=changes)) == expected


# ── the event's name is not signed ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("of", BODIES)
def test_no_body_passes_as_another_event(name: str, of: str) -> None:
    try:
        event = parsed(name, BODIES[of])
    except BadDelivery:
        event = None
    assert (event is not None) == (name == of)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        # a deleted issue, label, release or star is no deleted repository
        ("repository", payloads.repository("deleted", issue={"number": 1})),
        ("repository", payloads.repository("transferred", issue={"number": 1})),
        ("repository", payloads.repository("deleted", label={"name": "bug"})),
        ("repository", payloads.repository("deleted", release={"id": 1})),
        ("repository", payloads.repository("deleted", starred_at=None)),
        # ... nor a deleted installation
        ("installation", payloads.repository("deleted", label={"name": "bug"})),
        ("installation", {"action": "deleted", "installation": {"id": 5}, "sender": payloads.SENDER}),
        ("installation", {**payloads.installation("deleted"), "repository": payloads.REPOSITORY}),
        # a branch that was created was not deleted
        ("delete", {**payloads.deletion(), "master_branch": "main", "description": None}),
        # a review brings no head
        ("pull_request", {**payloads.pull_request("edited"), "review": {"id": 1}}),
        ("pull_request", {**payloads.pull_request("opened"), "comment": {"id": 1}}),
        ("check_suite", {**payloads.check_run(), "check_suite": {}}),
    ],
)
def test_a_signed_body_replayed_under_another_name_is_refused(name: str, body: dict[str, Any]) -> None:
    assert refused(name, body).startswith(f"not the body of a {name} event")


def test_a_pull_request_of_another_repository_than_the_deliverys_is_refused() -> None:
    body = payloads.pull_request()
    body["pull_request"]["base"]["repo"]["id"] = 12
    assert "repository" in refused("pull_request", body)


def test_a_push_that_contradicts_itself_is_refused() -> None:
    assert "deleted" in refused("push", payloads.push(after=ZEROS))
    assert "deleted" in refused("push", payloads.push(deleted=True))


@pytest.mark.parametrize("name", BODIES)
def test_a_delivery_without_an_installation_is_refused_with_the_remedy(name: str) -> None:
    body = {key: value for key, value in BODIES[name].items() if key != "installation"}
    assert "installation" in refused(name, body)
