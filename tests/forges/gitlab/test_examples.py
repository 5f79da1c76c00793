"""The kinds of hooks of which public libraries keep samples, each with the event it becomes, or none.

Rewritten small, with what is odd in them: https://github.com/xanzy/go-gitlab (testdata/webhooks),
https://github.com/go-playground/webhooks (testdata/gitlab), and GitLab's own pages of webhook events
and system hooks.
"""

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
    Pushed,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    TagPushed,
)
from ci_bot.forges.gitlab import GitLabWebhook
from ci_bot.forges.gitlab.translate import NOBODY
from tests.forges.gitlab.payloads import headers, raw
from tests.forges.gitlab.scene import ShiftedClock

WEBHOOK = GitLabWebhook(signing_tokens=[], plain_tokens=["x"], clock=ShiftedClock())

DIASPORA = {"name": "Diaspora", "visibility_level": 0, "default_branch": "master"}
DIASPORA |= {"path_with_namespace": "mike/diaspora", "description": "", "namespace": "Mike"}
BEFORE, AFTER = "95790bf891e76fee5e1747ab589903a6a1f80f22", "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
ROOT = {"id": 1, "name": "Administrator", "username": "root", "email": "admin@example.com"}


def repo(id: int, name: str, branch: str = "master", *, private: bool = True) -> Repo:
    return Repo("gitlab", id, name, branch, private=private, tenant=name.split("/", maxsplit=1)[0])


def pushed(**fields: Any) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": BEFORE,
        "after": AFTER,
        "ref": "refs/heads/master",
        "ref_protected": True,
        "checkout_sha": AFTER,
        "message": None,
        "user_id": 4,
        "user_name": "John Smith",
        "user_username": "jsmith",
        "project_id": 15,
        "project": {**DIASPORA, "id": 15},
        "commits": [
            {"id": "b6568db1bc1dcd7f8b4d5a946b0b91f9dacd7327", "message": "Update translation."},
            {"id": AFTER, "message": "fixed readme", "author": {"name": "GitLab dev user"}},
        ],
        "total_commits_count": 4,
    } | fields


#: go-playground's: no object_kind, no user name, no number in the project, and other commits than the head.
SYSTEM_PUSH = {
    key: value for key, value in pushed().items() if key not in ("object_kind", "user_username")
} | {"project": DIASPORA, "commits": [{"id": "c" * 40, "message": "Add simple search"}]}

TAG = pushed(
    object_kind="tag_push",
    event_name="tag_push",
    before=NO_SHA,
    after="82b3d5ae55f7080f1e6022629cdb57bfae7cccc7",
    checkout_sha="82b3d5ae55f7080f1e6022629cdb57bfae7cccc7",
    ref="refs/tags/v1.0.0",
    project_id=1,
    project={**DIASPORA, "id": 1, "path_with_namespace": "jsmith/example"},
    commits=[],
)

TEST = {"id": 14, "name": "Gitlab Test", "visibility_level": 20, "default_branch": "master"}
TEST |= {"path_with_namespace": "gitlabhq/gitlab-test", "homepage": "http://example.com/x"}


def merge_request(**fields: Any) -> dict[str, Any]:
    """As both libraries have it: the author is a number, source and target have none, dates of two kinds."""
    told = {
        "id": 99,
        "iid": 1,
        "target_branch": "master",
        "source_branch": "ms-viewport",
        "source_project_id": 14,
        "target_project_id": 14,
        "author_id": 51,
        "assignee_id": 6,
        "title": "MS-Viewport",
        "created_at": "2013-12-03T17:23:34Z",
        "updated_at": "2013-12-03T17:23:34Z",
        "state": "opened",
        "merge_status": "unchecked",
        "source": {"name": "Awesome Project", "path_with_namespace": "awesome_space/awesome_project"},
        "last_commit": {"id": AFTER, "message": "fixed readme"},
        "work_in_progress": False,
        "action": "open",
    } | fields
    changes = {"updated_at": {"previous": "2017-09-15 16:50:55 UTC"}, "draft": {"previous": True}}
    body = {"object_kind": "merge_request", "user": ROOT, "project": TEST, "changes": changes}
    return {**body, "labels": [{"id": 206, "title": "API"}], "object_attributes": told}


def note(kind: str, **about: Any) -> dict[str, Any]:
    """Commits, issues and snippets have no merge request beside the note; older users no number."""
    told = {
        "id": 1244,
        "note": "This MR needs work.",
        "noteable_type": kind,
        "author_id": 1,
        "created_at": "2015-05-17 18:21:36 UTC",
        "project_id": 5,
        "line_code": None,
        "system": False,
    }
    project = {**TEST, "id": 5, "visibility_level": 10, "path_with_namespace": "gitlab-org/gitlab-test"}
    body = {"object_kind": "note", "event_type": "note", "user": ROOT, "project_id": 5}
    return {**body, "project": project, "object_attributes": told, **about}


def project(event: str, **fields: Any) -> dict[str, Any]:
    return {
        "created_at": "2012-07-21T07:30:58Z",
        "event_name": event,
        "name": "Underscore",
        "path": "underscore",
        "path_with_namespace": "scores/underscore",
        "project_id": 73,
        "owner_name": "John Smith",
        "project_visibility": "internal",
        "old_path_with_namespace": "jsmith/overscore",
    } | fields


UNDERSCORE = repo(73, "scores/underscore", "")
VIEWPORT = Pull(
    number=1,
    title="MS-Viewport",
    author=Actor(51, "user-51"),
    head_sha=AFTER,
    head_ref="ms-viewport",
    head_repo=14,
    base_ref="master",
    base_sha=NO_SHA,
    is_open=True,
    is_draft=False,
    labels=("API",),
)
#: In GitLab's page and in both libraries the project's number and the target's differ: no real hook's do.
FOREIGN = {**merge_request(), "project": {**TEST, "id": 1}}

TABLE: list[tuple[str, dict[str, Any], Event | None]] = [
    (
        "Push Hook",
        pushed(),
        Pushed(repo(15, "mike/diaspora"), "master", AFTER, BEFORE, "fixed readme", Actor(4, "jsmith")),
    ),
    (
        "System Hook",
        SYSTEM_PUSH,
        Pushed(repo(15, "mike/diaspora"), "master", AFTER, BEFORE, "", Actor(4, "user-4")),
    ),
    (
        "Tag Push Hook",
        TAG,
        TagPushed(repo(1, "jsmith/example"), "v1.0.0", TAG["after"], "", Actor(4, "jsmith")),
    ),
    (
        "Merge Request Hook",
        merge_request(),
        PullRequestChanged(
            repo(14, "gitlabhq/gitlab-test", private=False),
            VIEWPORT,
            Actor(1, "root"),
            brought_head=True,
            at=1386091414.0,
        ),
    ),
    (
        "Note Hook",
        note("MergeRequest", merge_request={"id": 7, "iid": 1, "target_project_id": 5, "author_id": 8}),
        Commented(
            repo(5, "gitlab-org/gitlab-test"),
            1,
            1244,
            "This MR needs work.",
            Actor(1, "root"),
            1431886896.0,
        ),
    ),
    ("Note Hook", note("Commit", commit={"id": AFTER}, user={"username": "root"}), None),
    ("Note Hook", note("Issue", issue={"id": 92}), None),
    ("Note Hook", note("Snippet", snippet={"id": 53}), None),
    ("Confidential Note Hook", note("MergeRequest", event_type="confidential_note"), None),
    ("System Hook", project("project_renamed"), None),
    ("System Hook", project("project_rename"), RepoRenamed(UNDERSCORE, NOBODY)),
    ("System Hook", project("project_update"), RepoRenamed(UNDERSCORE, NOBODY)),
    ("System Hook", project("project_transfer"), RepoTransferred(UNDERSCORE, NOBODY)),
    ("System Hook", project("project_destroy"), RepoDeleted(UNDERSCORE, NOBODY)),
    ("System Hook", project("project_create"), None),
    ("System Hook", {"event_name": "group_create", "name": "StoreCloud", "group_id": 78}, None),
    ("System Hook", {"event_name": "user_add_to_team", "project_id": 74, "user_id": 41}, None),
    (
        "System Hook",
        {"event_name": "repository_update", "project_id": 1, "refs": ["refs/heads/x"]},
        None,
    ),
    ("System Hook", {"object_kind": "gitlab_subscription_member_approval", "action": "enqueue"}, None),
    ("Issue Hook", {"object_kind": "issue", "user": ROOT}, None),
    ("Job Hook", {"object_kind": "build", "build_status": "created"}, None),
    ("Pipeline Hook", {"object_kind": "pipeline", "object_attributes": {"source": "external"}}, None),
    ("Deployment Hook", {"object_kind": "deployment", "status": "success"}, None),
    ("Release Hook", {"object_kind": "release", "action": "create"}, None),
    ("Wiki Page Hook", {"object_kind": "wiki_page"}, None),
    ("Feature Flag Hook", {"object_kind": "feature_flag"}, None),
    ("Member Hook", {"event_name": "user_add_to_group"}, None),
    ("Subgroup Hook", {"event_name": "subgroup_create"}, None),
    ("Resource Access Token Hook", {"object_kind": "access_token"}, None),
]


@pytest.mark.parametrize(("name", "body", "expected"), TABLE)
def test_each_sample(name: str, body: dict[str, Any], expected: Event | None) -> None:
    assert WEBHOOK.parse(headers(name), raw(body)) == expected


def test_a_merge_request_of_another_project_than_its_target_is_refused() -> None:
    with pytest.raises(BadDelivery, match="target_project_id"):
        WEBHOOK.parse(headers("Merge Request Hook"), raw(FOREIGN))
