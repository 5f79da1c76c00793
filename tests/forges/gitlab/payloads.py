"""Bodies of GitLab's webhooks, small and whole, by hand after the pages that document them.

https://docs.gitlab.com/user/project/integrations/webhook_events/
https://docs.gitlab.com/administration/system_hooks/
"""

from __future__ import annotations

import json
from typing import Any

BOT = 900
SHA = "a" * 40
OLD = "b" * 40
TAG = "d" * 40
ZEROS = "0" * 40
MOMENT = 1_700_000_000.0
WRITTEN = "2023-11-14 22:13:20 UTC"

USER = {"id": 7, "name": "Alice", "username": "alice"}
PROJECT = {
    "id": 11,
    "name": "Web",
    "path_with_namespace": "acme/shop/web",
    "default_branch": "main",
    "visibility_level": 0,
}
PUSHER = {"user_id": 7, "user_name": "Alice", "user_username": "alice"}


def headers(event: str, **more: str) -> dict[str, str]:
    return {"X-Gitlab-Event": event, "Idempotency-Key": "d-1", **more}


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def push(ref: str = "refs/heads/main", **fields: Any) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": OLD,
        "after": SHA,
        "ref": ref,
        "checkout_sha": SHA,
        "project_id": 11,
        "project": PROJECT,
        "commits": [{"id": OLD, "message": "earlier"}, {"id": SHA, "message": "Change files"}],
        "total_commits_count": 2,
        **PUSHER,
        **fields,
    }


def tag_push(**fields: Any) -> dict[str, Any]:
    """Of an annotated tag: `after` is the tag itself."""
    of_tag = {"object_kind": "tag_push", "event_name": "tag_push", "before": ZEROS, "after": TAG}
    return push("refs/tags/v1", **of_tag) | fields


def merge_request(action: str = "open", **fields: Any) -> dict[str, Any]:
    told = {
        "id": 99,
        "iid": 4,
        "title": "Add a feature",
        "author_id": 7,
        "source_branch": "feature",
        "source_project_id": 11,
        "target_branch": "main",
        "target_project_id": 11,
        "last_commit": {"id": SHA, "message": "Change files"},
        "state": "opened",
        "draft": False,
        "created_at": WRITTEN,
        "updated_at": WRITTEN,
        "action": action,
    }
    body = {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": USER,
        "project": PROJECT,
        "labels": [{"id": 1, "title": "API"}],
        "changes": {},
    }
    top: dict[str, Any] = {}
    for key in ("user", "project", "changes"):
        top |= {key: fields.pop(key)} if key in fields else {}
    return {**body, **top, "object_attributes": {**told, **fields}}


def note(text: str = "/retry", **fields: Any) -> dict[str, Any]:
    told = {
        "id": 1244,
        "note": text,
        "noteable_type": "MergeRequest",
        "author_id": 7,
        "created_at": WRITTEN,
        "system": False,
        "action": "create",
    }
    top: dict[str, Any] = {}
    for key in ("user", "project", "event_type"):
        top |= {key: fields.pop(key)} if key in fields else {}
    about = {
        key: value for key, value in merge_request()["object_attributes"].items() if key != "action"
    }
    body = {"object_kind": "note", "event_type": "note", "user": USER, "project_id": 11}
    body |= {"project": PROJECT, "merge_request": about}
    return {**body, **top, "object_attributes": {**told, **fields}}


def project(event: str, **fields: Any) -> dict[str, Any]:
    """A system hook's."""
    return {
        "event_name": event,
        "name": "Web",
        "path_with_namespace": "acme/shop/web",
        "project_id": 11,
        "project_visibility": "private",
        "old_path_with_namespace": "acme/old",
        **fields,
    }


BODIES: dict[str, dict[str, Any]] = {
    "Push Hook": push(),
    "Tag Push Hook": tag_push(),
    "Merge Request Hook": merge_request(),
    "Note Hook": note(),
    "System Hook": project("project_rename"),
    "Project Hook": project("project_destroy"),
}
