"""Webhooks and their recent events: https://docs.gitlab.com/api/project_webhooks/, /group_webhooks/, /system_hooks/."""

from __future__ import annotations

import time
from typing import Any

from ..state import Group, Hook, HookEvent, Json, Project
from .common import Shape, iso, iso_or_none

# A hook that is disabled again and again, this often in a row, stays so until a person enables it:
# https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks.
PERMANENT = 40
# "four consecutive failures"; FAILURE_THRESHOLD = 3 in app/models/concerns/web_hooks/auto_disabling.rb.
FAILURES = 3
EVENTS = (
    "push_events",
    "tag_push_events",
    "merge_requests_events",
    "note_events",
    "confidential_note_events",
    "issues_events",
    "confidential_issues_events",
    "job_events",
    "pipeline_events",
    "wiki_page_events",
    "deployment_events",
    "releases_events",
    "feature_flag_events",
    "emoji_events",
    "resource_access_token_events",
    "repository_update_events",
    "subgroup_events",
    "member_events",
    "project_events",
)


def alert_status(hook: Hook) -> str:
    if hook.recent_failures >= PERMANENT:
        return "disabled"
    until = hook.disabled_until
    return "temporarily_disabled" if until is not None and until >= time.time() else "executable"


class HookShape(Shape):
    id: int
    url: str
    name: str | None
    description: str | None
    created_at: str
    push_events: bool
    tag_push_events: bool
    merge_requests_events: bool
    repository_update_events: bool
    enable_ssl_verification: bool
    alert_status: str
    disabled_until: str | None
    url_variables: list[Json]
    push_events_branch_filter: str | None
    branch_filter_strategy: str
    custom_webhook_template: str | None
    custom_headers: list[Json]
    token_present: bool | None = None
    signing_token_present: bool | None = None
    project_id: int | None = None
    group_id: int | None = None
    issues_events: bool | None = None
    confidential_issues_events: bool | None = None
    note_events: bool | None = None
    confidential_note_events: bool | None = None
    pipeline_events: bool | None = None
    wiki_page_events: bool | None = None
    deployment_events: bool | None = None
    feature_flag_events: bool | None = None
    job_events: bool | None = None
    releases_events: bool | None = None
    emoji_events: bool | None = None
    resource_access_token_events: bool | None = None
    subgroup_events: bool | None = None
    member_events: bool | None = None
    project_events: bool | None = None


_OF_GROUPS = ("subgroup_events", "member_events", "project_events")
_OF_SYSTEM = ("push_events", "tag_push_events", "merge_requests_events", "repository_update_events")


def hook_shape(hook: Hook, *, signing: bool) -> HookShape:
    """Tokens are never told; ``signing``: whether this version knows signing tokens."""
    fields: dict[str, Any] = {
        "id": hook.id,
        "url": hook.url,
        "name": hook.name,
        "description": hook.description,
        "created_at": iso(hook.created_at),
        "enable_ssl_verification": hook.ssl_verification,
        "alert_status": alert_status(hook),
        "disabled_until": iso_or_none(hook.disabled_until),
        "url_variables": [],
        "push_events_branch_filter": hook.branch_filter,
        "branch_filter_strategy": hook.branch_filter_strategy,
        "custom_webhook_template": None,
        "custom_headers": [],
    }
    fields |= {name: hook.events.get(name, False) for name in events_of(hook)}
    if signing:
        present = {"token_present": bool(hook.token)}
        fields |= present | {"signing_token_present": bool(hook.signing_token)}
    if isinstance(hook.owner, Project):
        fields["project_id"] = hook.owner.id
    elif isinstance(hook.owner, Group):
        fields["group_id"] = hook.owner.id
    return HookShape(**fields)


def events_of(hook: Hook) -> tuple[str, ...]:
    """What it can be told of; an instance's hook never of notes (https://docs.gitlab.com/administration/system_hooks/)."""
    if hook.owner is None:
        return _OF_SYSTEM
    if isinstance(hook.owner, Group):
        return EVENTS
    return tuple(name for name in EVENTS if name not in _OF_GROUPS)


class HookEventShape(Shape):
    """https://docs.gitlab.com/api/project_webhooks/#list-project-webhook-events."""

    id: int
    url: str
    trigger: str
    request_headers: dict[str, str]
    request_data: Json
    response_headers: dict[str, str]
    response_body: str
    execution_duration: float
    response_status: str


def hook_event_shape(event: HookEvent) -> HookEventShape:
    headers = dict(event.request_headers)
    if "X-Gitlab-Token" in headers:
        headers["X-Gitlab-Token"] = "[REDACTED]"
    return HookEventShape(
        id=event.id,
        url=event.url,
        trigger=event.trigger,
        request_headers=headers,
        request_data=event.data,
        response_headers=event.response_headers,
        response_body=event.response_body,
        execution_duration=event.duration,
        response_status=event.status,
    )
