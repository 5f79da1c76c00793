"""A group or project gets the hook by which GitLab tells us of it. I/O.

https://docs.gitlab.com/api/project_webhooks/
https://docs.gitlab.com/api/group_webhooks/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError, SettingsError
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.gitlab.facts import access_level
from ci_bot.forges.gitlab.levels import DEVELOPER, MAINTAINER, OWNER
from ci_bot.forges.gitlab.protection import project_of
from ci_bot.forges.gitlab.reconciling import STOPPED
from ci_bot.forges.gitlab.values import is_group_path, is_project_path
from ci_bot.forges.payload import Fields, shaped

NO_NAME: Final = "{name} names no group and no project: write group, or group/project"
NO_HOOK_URL: Final = "public_url must be set, so that GitLab knows where to send its webhooks"
UNPROVEN: Final = "there is no signing token and no webhook token, so no delivery could be trusted"
NOT_SEEN: Final = "there is no group or project {name}, or the bot may not see it; add the bot's account as a member there"
NOT_ALLOWED: Final = (
    "the bot may not register a webhook in {name}: its role there is {level}, and that needs {needed}; raise "
    "it in Manage, Members, or register {url} there by hand, with push, tag push, comment and merge "
    "request events"
)
NO_GROUP_HOOKS: Final = (
    "the bot may not register a webhook in the group {name}: that takes an Owner, and GitLab Premium; connect "
    "its projects instead, each as group/project, or have an administrator register a system hook"
)
TOO_OLD: Final = (
    "this GitLab does not sign webhooks (before 19.0), and no webhook token is configured for it; set "
    "gitlab.webhook_token_file"
)
UNSIGNED: Final = (
    "this GitLab does not sign webhooks (before 19.0): it proves itself with the plain webhook token, "
    "which whoever sees one delivery knows"
)
DISABLED: Final = (
    "GitLab had stopped sending this webhook, since it had failed too often; it does so again once a test of "
    "it succeeds: the server asks for one when it starts and once an hour"
)
TOO_LOW: Final = (
    "the bot's role in {name} is {level}: statuses and notes are taken from Developers (30) on; raise it in "
    "Manage, Members"
)

EVENTS: Final[Mapping[str, bool]] = {
    "push_events": True,
    "tag_push_events": True,
    "merge_requests_events": True,
    "note_events": True,
    "issues_events": False,
    "job_events": False,
    "pipeline_events": False,
    "enable_ssl_verification": True,
}
_ROLES: Final = {MAINTAINER: "Maintainer (40)", OWNER: "Owner (50)"}


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """What GitLab is to prove itself with: `signing` ("whsec_…") from 19.0 on, else `plain`. "" for none."""

    signing: str = field(default="", repr=False)
    plain: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HookConnection:
    """How a group or project is connected now."""

    where: str  # its full path
    is_group: bool
    hook: int
    is_new: bool  # False where a hook of ours was there and was brought in line
    is_signed: bool  # by the signing token; else GitLab sends the plain one
    level: int  # the bot's own access level there
    problems: tuple[str, ...]  # what somebody must do, each with its remedy
    notes: tuple[str, ...]  # what somebody should know


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose hook it is: "projects" or "groups", its number and full path."""

    kind: str
    id: int
    path: str
    level: int

    @property
    def is_group(self) -> bool:
        return self.kind == "groups"


async def connect(
    client: Client, name: str, hook_url: str, secrets: HookSecrets, bot: int
) -> HookConnection:
    """Safe to repeat: a hook that points to us is changed and not doubled.

    Raises `SettingsError` for what cannot be tried, `ForgeDenied` where the bot may not.
    """
    _require(name, hook_url, secrets)
    owner = await _owner(client, name, bot)
    try:
        known = await _known(client, owner, hook_url)
        made, is_signed = await _written(client, owner, known, hook_url, secrets)
    except ForgeDenied as error:
        raise ForgeDenied(_why_not(owner, hook_url), error.status) from error
    problems = () if owner.level >= DEVELOPER else (TOO_LOW.format(name=name, level=owner.level),)
    stopped = known is not None and known.data.get("alert_status") in STOPPED
    notes = (*((DISABLED,) if stopped else ()), *(() if is_signed else (UNSIGNED,)))
    hook = shaped(lambda one: one.id("id"), made)
    return HookConnection(
        owner.path, owner.is_group, hook, known is None, is_signed, owner.level, problems, notes
    )


def _require(name: str, hook_url: str, secrets: HookSecrets) -> None:
    if not is_group_path(name):
        raise SettingsError([NO_NAME.format(name=name)])
    if not hook_url:
        raise SettingsError([NO_HOOK_URL])
    if not (secrets.signing or secrets.plain):
        raise SettingsError([UNPROVEN])


def _why_not(owner: _Owner, hook_url: str) -> str:
    if owner.is_group:
        return NO_GROUP_HOOKS.format(name=owner.path)
    words = {"name": owner.path, "level": owner.level, "needed": _ROLES[MAINTAINER], "url": hook_url}
    return NOT_ALLOWED.format(**words)


# ── whose it is ──────────────────────────────────────────────────────────────────────────────


async def _owner(client: Client, name: str, bot: int) -> _Owner:
    """A path with a slash may be a project's or a subgroup's."""
    if is_project_path(name):
        try:
            project = Fields.of(await project_of(client, name))
        except ForgeDenied:
            return await _group(client, name, bot)
        id = shaped(lambda one: one.id("id"), project.data)
        return _Owner("projects", id, name, await access_level(client, id, bot))
    return await _group(client, name, bot)


async def _group(client: Client, name: str, bot: int) -> _Owner:
    """https://docs.gitlab.com/api/groups/#retrieve-a-group"""
    try:
        group = await client.get("/groups/{group}", {"with_projects": "false"}, group=name)
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status not in (403, 404):
            raise
        raise ForgeDenied(NOT_SEEN.format(name=name), error.status) from error
    id = shaped(lambda one: one.id("id"), group)
    return _Owner("groups", id, name, await _group_level(client, id, bot))


async def _group_level(client: Client, group: int, bot: int) -> int:
    """https://docs.gitlab.com/api/group_members/"""
    try:
        answer = await client.get("/groups/{group}/members/all/{account}", group=group, account=bot)
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status not in (403, 404):
            raise
        return 0
    level = answer.get("access_level") if isinstance(answer, dict) else None
    return level if isinstance(level, int) else 0


# ── the hook ─────────────────────────────────────────────────────────────────────────────────


async def _known(client: Client, owner: _Owner, hook_url: str) -> Fields | None:
    async for item in client.items(f"/{owner.kind}/{{owner}}/hooks", owner=owner.id):
        hook = shaped(lambda one: one, item)
        if hook.data.get("url") == hook_url:
            return hook
    return None


async def _written(
    client: Client, owner: _Owner, known: Fields | None, hook_url: str, secrets: HookSecrets
) -> tuple[Any, bool]:
    """The hook, and whether it will be signed: a GitLab that does not know signing says nothing of it."""
    if not secrets.signing:
        return await _write(client, owner, known, hook_url, {"token": secrets.plain}), False
    # The plain token goes as well: whoever would forge a delivery needs the key all the same.
    both = {"signing_token": secrets.signing} | ({"token": secrets.plain} if secrets.plain else {})
    made = await _write(client, owner, known, hook_url, both)
    if isinstance(made, dict) and made.get("signing_token_present") is True:
        return made, True
    if not secrets.plain:
        raise SettingsError([TOO_OLD])
    return made, False


async def _write(
    client: Client, owner: _Owner, known: Fields | None, hook_url: str, tokens: Mapping[str, str]
) -> Any:
    body = {"url": hook_url, "name": "ci-bot", **EVENTS, **tokens}
    if known is None:
        return await client.write("post", f"/{owner.kind}/{{owner}}/hooks", body, owner=owner.id)
    id = shaped(lambda hook: hook.id("id"), known.data)
    return await client.write(
        "put", f"/{owner.kind}/{{owner}}/hooks/{{hook}}", body, owner=owner.id, hook=id
    )
