"""Webhooks of projects, groups and the instance: https://docs.gitlab.com/api/project_webhooks/, /group_webhooks/, /system_hooks/."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from .. import merging
from ..errors import ApiError, forbidden, invalid, not_found
from ..exchange import Call, Paged, Params, Reply, Route
from ..hooks import covers
from ..shapes.common import Shape
from ..shapes.hooks import events_of, hook_event_shape, hook_shape
from ..state import MAINTAINER, OWNER, Group, Hook, HookEvent

_DEFAULTS = {"push_events": True}
_LOCAL = ("127.", "10.", "192.168.", "169.254.", "localhost", "[::1]")


class Flags(Params):
    """All optional; what is not given keeps its value, or the default of a new hook."""

    name: str | None = None
    description: str | None = None
    token: str | None = None
    signing_token: str | None = None
    enable_ssl_verification: bool | None = None
    push_events_branch_filter: str | None = None
    branch_filter_strategy: str | None = None
    custom_webhook_template: str | None = None
    push_events: bool | None = None
    tag_push_events: bool | None = None
    merge_requests_events: bool | None = None
    note_events: bool | None = None
    confidential_note_events: bool | None = None
    issues_events: bool | None = None
    confidential_issues_events: bool | None = None
    job_events: bool | None = None
    pipeline_events: bool | None = None
    wiki_page_events: bool | None = None
    deployment_events: bool | None = None
    releases_events: bool | None = None
    feature_flag_events: bool | None = None
    emoji_events: bool | None = None
    resource_access_token_events: bool | None = None
    repository_update_events: bool | None = None
    subgroup_events: bool | None = None
    member_events: bool | None = None
    project_events: bool | None = None


class NewHook(Flags):
    url: str


class ChangedHook(Flags):
    url: str | None = None


def _place(call: Call) -> Any:
    """The owner of hooks; group hooks are Premium's, and their paths are not there without it."""
    if call.route.path.startswith("/hooks"):
        if not call.user.admin:
            raise forbidden()
        return None
    if isinstance(call.place, Group) and call.sim.config.tier == "free":
        raise ApiError(404, {"error": "404 Not Found"})
    return call.place


def _hooks(call: Call) -> list[Hook]:
    place = _place(call)
    return [one for one in call.sim.world.hooks.values() if one.owner is place]


def _hook(call: Call) -> Hook:
    number = call.number("hook_id")
    found = next((one for one in _hooks(call) if one.id == number), None)
    if found is None:
        raise not_found()
    return found


def _shape(call: Call, hook: Hook) -> Shape:
    return hook_shape(hook, signing=call.sim.signs)


async def _list(call: Call) -> Reply:
    items, headers = call.page(_hooks(call))
    return Reply(body=[_shape(call, one) for one in items], headers=headers)


async def _one(call: Call) -> Reply:
    return Reply(body=_shape(call, _hook(call)))


async def _add(call: Call) -> Reply:
    wanted, place = call.params(NewHook), _place(call)
    _check(call, wanted.url, wanted.signing_token)
    hook = Hook(call.sim.world.next_id("hook"), place, call.user, wanted.url, dict(_DEFAULTS))
    call.sim.world.hooks[hook.id] = hook
    _assign(call, hook, wanted)
    return Reply(201, _shape(call, hook), made=hook.id)


async def _change(call: Call) -> Reply:
    wanted, hook = call.params(ChangedHook), _hook(call)
    _check(call, wanted.url or hook.url, wanted.signing_token)
    if wanted.url is not None:
        hook.url = wanted.url
    _assign(call, hook, wanted)
    return Reply(body=_shape(call, hook))


def _assign(call: Call, hook: Hook, wanted: Flags) -> None:
    for name in ("name", "description", "token", "branch_filter_strategy"):
        if getattr(wanted, name) is not None:
            setattr(hook, name, getattr(wanted, name))
    if wanted.signing_token is not None and call.sim.signs:  # an older GitLab ignores what it knows not
        hook.signing_token = wanted.signing_token
    if wanted.enable_ssl_verification is not None:
        hook.ssl_verification = wanted.enable_ssl_verification
    if wanted.push_events_branch_filter is not None:
        hook.branch_filter = wanted.push_events_branch_filter or None
    given = {name: getattr(wanted, name) for name in events_of(hook)}
    hook.events |= {name: value for name, value in given.items() if value is not None}


def _check(call: Call, url: str, signing_token: str | None) -> None:
    """https://docs.gitlab.com/security/webhooks/: local addresses, unless an administrator allows them."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ApiError(422, "Invalid url given")
    if not call.sim.config.local_hooks and parts.netloc.startswith(_LOCAL):
        words = "is blocked: Requests to localhost are not allowed"
        raise ApiError(422, {"message": {"url": [words]}})
    if signing_token and call.sim.signs and not _is_signing_token(signing_token):
        raise invalid(
            "signing_token", "must be in whsec_<base64> format and decode to 32 bytes", status=422
        )


def _is_signing_token(text: str) -> bool:
    """Made by whoever registers the hook: gitlab-org/gitlab!231325."""
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith("whsec_") and len(key) == 32


async def _remove(call: Call) -> Reply:
    del call.sim.world.hooks[_hook(call).id]
    return Reply(204)


class EventsOf(Paged):
    status: str | None = None


_CLASSES = {"successful": "2", "client_failure": "4", "server_failure": "5"}


async def _events(call: Call) -> Reply:
    """Newest first. Since 17.3; ``status`` is a code or a class of codes."""
    if not call.sim.is_at_least(17, 3):
        raise ApiError(404, {"error": "404 Not Found"})
    wanted = call.params(EventsOf).status
    found = [one for one in reversed(_hook(call).log) if _has_status(one, wanted)]
    items, headers = call.page(found)
    return Reply(body=[hook_event_shape(one) for one in items], headers=headers)


def _has_status(event: HookEvent, wanted: str | None) -> bool:
    if wanted is None:
        return True
    if wanted == "server_failure" and event.status == "internal error":
        return True
    begins = _CLASSES.get(wanted)
    return event.status.startswith(begins) if begins else event.status == wanted


class Resent(Shape):
    response_status: int


async def _resend(call: Call) -> Reply:
    """Since 17.4, five times a minute for each hook and user."""
    if not call.sim.is_at_least(17, 4):
        raise ApiError(404, {"error": "404 Not Found"})
    hook = _hook(call)
    most = call.sim.limits.limits.resends_a_minute
    call.sim.limits.act(call.caller.who, f"resend:{hook.id}", most)
    number = call.number("event_id")
    event = next((one for one in hook.log if one.id == number), None)
    if event is None:
        raise not_found()
    made = await call.sim.hooks.resend(hook, event)
    if made is None:
        raise ApiError(422, "Hook disabled")
    if not made.status.isdecimal():
        raise ApiError(422, "Error response from webhook")
    return Reply(201, Resent(response_status=int(made.status)), made=made.id)


class Tested(Shape):
    message: str


async def _test(call: Call) -> Reply:
    """Since 16.11, five times a minute; merge requests and pushes alone are told here.

    https://docs.gitlab.com/api/project_webhooks/#trigger-a-test-project-webhook
    """
    hook, trigger = _hook(call), call.args["trigger"]
    call.sim.limits.act(call.caller.who, f"test:{hook.id}", call.sim.limits.limits.resends_a_minute)
    if trigger != "merge_requests_events":
        raise ApiError(422, "Testing not available for this hook")
    projects = [one for one in call.sim.world.projects.values() if covers(hook, one)]
    known = [mr for one in projects for mr in one.merge_requests.values() if mr.versions]
    if not known:
        raise ApiError(422, "Ensure the project has merge requests.")
    data = await merging.hook_of(call.sim, known[-1], call.user)
    made = await call.sim.hooks.test(hook, "merge_request_hooks", data)
    if not made.status.isdecimal():
        raise ApiError(422, "Error response from webhook")
    return Reply(201, Tested(message="201 Created"), made=made.id)


def _routes(base: str, level: int) -> tuple[Route, ...]:
    one = f"{base}/{{hook_id}}"
    return (
        Route("GET", base, _list, Paged, level, login=True),
        Route("POST", base, _add, NewHook, level),
        Route("GET", one, _one, level=level, login=True),
        Route("PUT", one, _change, ChangedHook, level),
        Route("DELETE", one, _remove, level=level),
        Route("GET", f"{one}/events", _events, EventsOf, level, login=True),
        Route("POST", f"{one}/events/{{event_id}}/resend", _resend, level=level),
        Route("POST", f"{one}/test/{{trigger}}", _test, level=level),
    )


ROUTES = (
    *_routes("/projects/{id}/hooks", MAINTAINER),
    *_routes("/groups/{id}/hooks", OWNER),
    *_routes("/hooks", OWNER)[:5],
)
