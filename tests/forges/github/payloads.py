"""Bodies of GitHub's webhooks, made by hand: what the public examples do not hold, small and whole."""

from __future__ import annotations

import json
from typing import Any

APP_ID = 29310
SHA = "a" * 40
OLD = "b" * 40
BASE = "c" * 40
ZEROS = "0" * 40

SENDER = {"id": 7, "login": "alice", "type": "User"}
REPOSITORY = {"id": 11, "full_name": "acme/web", "default_branch": "main", "private": True}
INSTALLATION = {"id": 5}
ABOUT = {"repository": REPOSITORY, "sender": SENDER, "installation": INSTALLATION}


def headers(event: str, **more: str) -> dict[str, str]:
    return {"X-GitHub-Event": event, "X-GitHub-Delivery": "d-1", **more}


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def push(ref: str = "refs/heads/main", **fields: Any) -> dict[str, Any]:
    """A plain push of one commit to a branch."""
    return {
        "ref": ref,
        "before": OLD,
        "after": SHA,
        "created": False,
        "deleted": False,
        "commits": [],
        "head_commit": {"id": SHA, "message": "Change files"},
        **ABOUT,
        **fields,
    }


def pull_request(action: str = "opened", **fields: Any) -> dict[str, Any]:
    """A pull request from a fork."""
    return {
        "action": action,
        "number": 3,
        "pull_request": {
            "number": 3,
            "title": "Mend it",
            "state": "closed" if action == "closed" else "open",
            "draft": False,
            "user": {"id": 9, "login": "mallory", "type": "User"},
            "head": {"sha": SHA, "ref": "patch", "repo": {"id": 99}},
            "base": {"sha": BASE, "ref": "main", "repo": {"id": 11}},
            "updated_at": "2026-11-25T10:00:00Z",
        },
        **ABOUT,
        **fields,
    }


#: The moment of `pull_request` and `issue_comment`, in seconds since the epoch.
MOMENT = 1_795_600_800.0


def issue_comment(action: str = "created", **fields: Any) -> dict[str, Any]:
    """A person's comment on a pull request."""
    return {
        "action": action,
        "issue": {"number": 3, "pull_request": {"url": "…"}},
        "comment": {
            "id": 77,
            "body": "/retry",
            "user": SENDER,
            "created_at": "2026-11-25T10:00:00Z",
            "performed_via_github_app": None,
        },
        **ABOUT,
        **fields,
    }


def check_run(action: str = "rerequested", app_id: int = APP_ID) -> dict[str, Any]:
    run = {"name": "ci-bot / unit", "head_sha": SHA, "app": {"id": app_id}}
    return {"action": action, "check_run": run, **ABOUT}


def check_suite(action: str = "rerequested", app_id: int = APP_ID) -> dict[str, Any]:
    return {"action": action, "check_suite": {"head_sha": SHA, "app": {"id": app_id}}, **ABOUT}


def merge_group(action: str = "checks_requested") -> dict[str, Any]:
    group = {
        "head_sha": SHA,
        "head_ref": "refs/heads/gh-readonly-queue/main/pr-3",
        "base_ref": "refs/heads/main",
        "base_sha": BASE,
    }
    return {"action": action, "merge_group": group, **ABOUT}


def installation(action: str = "created") -> dict[str, Any]:
    listed = [{"id": 11, "full_name": "acme/web", "private": True}]
    whole = {"id": 5, "app_id": APP_ID}
    return {"action": action, "installation": whole, "repositories": listed, "sender": SENDER}


def installation_repositories(action: str = "added") -> dict[str, Any]:
    listed = [{"id": 11, "full_name": "acme/web", "private": True}]
    return {
        "action": action,
        "repositories_added": listed if action == "added" else [],
        "repositories_removed": listed if action == "removed" else [],
        "installation": {"id": 5, "app_id": APP_ID},
        "sender": SENDER,
    }


def repository(action: str = "renamed", **fields: Any) -> dict[str, Any]:
    return {"action": action, **ABOUT, **fields}


def deletion(ref: str = "old", ref_type: str = "branch") -> dict[str, Any]:
    return {"ref": ref, "ref_type": ref_type, "pusher_type": "user", **ABOUT}


#: One body of every event that can become one of ours.
BODIES: dict[str, dict[str, Any]] = {
    "push": push(),
    "delete": deletion(),
    "pull_request": pull_request(),
    "check_run": check_run(),
    "check_suite": check_suite(),
    "issue_comment": issue_comment(),
    "merge_group": merge_group(),
    "installation": installation(),
    "installation_repositories": installation_repositories(),
    "repository": repository(),
}
