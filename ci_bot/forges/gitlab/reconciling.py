"""What GitLab failed to deliver, and the heads that it has: read to be compared with what we know. I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ci_bot.core.errors import ForgeBusy, ForgeError
from ci_bot.core.events import NO_SHA, Repo
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.forges.gitlab.client import PER_PAGE, Client
from ci_bot.forges.gitlab.values import actor_of, pull_of
from ci_bot.forges.pace import Window
from ci_bot.forges.payload import Fields, shaped
from ci_bot.forges.retry_after import moment_of

#: Answers hold whole deliveries, so few at a time.
_EVENTS_AT_ONCE: Final = 20
_MOST_EVENT_PAGES: Final = 5
#: Of a look: projects whose hooks are listed, and hooks whose deliveries are.
_MOST_LISTED: Final = 20
_MOST_HOOKS: Final = 30
#: How long it is believed which hooks there are.
_LISTED_SECONDS: Final = 3600.0
#: https://docs.gitlab.com/api/project_webhooks/#resend-a-project-webhook-event
_RESENDS: Final = (5, 60)

_MOST_PUSH_PAGES: Final = 3

#: What GitLab says of a hook that it sends nothing to any more.
STOPPED: Final = frozenset({"disabled", "temporarily_disabled"})


@dataclass(slots=True)
class _Owner:
    """A project or group ("/projects/7"), and our hooks there; `at` is when they were listed."""

    hooks: tuple[str, ...] = ()
    at: float | None = None


@dataclass(slots=True)
class _Hook:
    """How far its deliveries were looked at, and when each that bears no time was first seen."""

    until: float = 0.0
    looked_at: float = 0.0
    resends: Window = field(default_factory=lambda: Window(*_RESENDS))
    first_seen: dict[int, float] = field(default_factory=dict)


class Deliveries:
    """What GitLab tried to deliver to `hook_url`, by the hooks of projects and of the groups above them.

    It keeps them seven days, and sends one again where it is asked to (17.4 and later). A project's hooks
    may be seen by its maintainers, a group's by its owners: where we are neither, there is nothing to
    look at, and the heads that are found must do.
    """

    def __init__(self, client: Client, hook_url: str) -> None:
        self._client = client
        self._hook_url = hook_url
        self._owners: dict[str, _Owner] = {}
        self._hooks: dict[str, _Hook] = {}

    async def attempts(self, repos: Sequence[Repo], since: float) -> Sequence[Attempt]:
        """In turn, where there are many hooks. Newest first for each."""
        if not self._hook_url:
            return ()
        await self._list(repos)
        known = {hook for owner in self._owners.values() for hook in owner.hooks}
        self._hooks = {hook: self._hooks.get(hook, _Hook()) for hook in sorted(known)}
        due = sorted(self._hooks, key=lambda hook: self._hooks[hook].looked_at)[:_MOST_HOOKS]
        return [each for hook in due for each in await self._of(hook, since)]

    async def redeliver(self, attempt: Attempt) -> None:
        """Raises `ForgeBusy` without asking where GitLab would refuse, since that would count as well.

        GitLab answers once the delivery has ended, 422 if it failed again: it was sent all the same.
        """
        window, now = self._hooks.setdefault(attempt.hook, _Hook()).resends, self._client.now()
        wait = window.wait(now, 1)
        if wait > 0:
            raise ForgeBusy(f"GitLab sends nothing more of a webhook again for {wait:.0f} s", wait)
        window.take(now, 1)
        kind, owner, hook = attempt.hook.split("/")
        endpoint = f"/{kind}/{{owner}}/hooks/{{hook}}/events/{{event}}/resend"
        where: dict[str, Any] = {"owner": _unfolded(owner), "hook": hook, "event": attempt.id}
        try:
            await self._client.write("post", endpoint, {}, **where)
        except ForgeError as error:
            if error.status != 422:
                raise

    # ── which hooks there are ────────────────────────────────────────────────────────────────

    async def _list(self, repos: Sequence[Repo]) -> None:
        """Each owner once an hour, those first that were never listed, or longest ago."""
        names = dict.fromkeys(name for repo in repos for name in _owners_of(repo))
        self._owners = {name: self._owners.get(name, _Owner()) for name in names}
        now = self._client.now()
        stale = [
            name
            for name, owner in self._owners.items()
            if owner.at is None or now - owner.at > _LISTED_SECONDS
        ]
        for name in sorted(stale, key=lambda name: self._owners[name].at or 0.0)[:_MOST_LISTED]:
            self._owners[name] = _Owner(await self._hooks_of(name), now)

    async def _hooks_of(self, owner: str) -> tuple[str, ...]:
        """https://docs.gitlab.com/api/project_webhooks/#list-webhooks-for-a-project"""
        kind, name = owner.split("/")
        found: list[int] = []
        try:
            async for item in self._client.items(f"/{kind}/{{owner}}/hooks", owner=_unfolded(name)):
                hook = shaped(lambda one: one, item)
                if hook.data.get("url") != self._hook_url:
                    continue
                found.append(shaped(lambda one: one.id("id"), item))
                if hook.data.get("alert_status") in STOPPED:
                    await self._revive(owner, found[-1])
        except ForgeBusy:
            raise
        except ForgeError as error:
            if error.status not in (403, 404):
                raise
        return tuple(f"{kind}/{name}/{id}" for id in found)

    async def _revive(self, owner: str, hook: int) -> None:
        """GitLab stops a hook that fails, for up to a day or for good, until a test of it succeeds.

        The sample of a merge request has no action, and asks us for nothing; of a push it tells the newest,
        which is known or is found anyway.
        https://docs.gitlab.com/user/project/integrations/webhooks/#re-enable-disabled-webhooks
        https://docs.gitlab.com/api/project_webhooks/#trigger-a-test-project-webhook
        """
        kind, name = owner.split("/")
        endpoint = f"/{kind}/{{owner}}/hooks/{{hook}}/test/{{trigger}}"
        for trigger in ("merge_requests_events", "push_events"):
            where: dict[str, Any] = {"owner": _unfolded(name), "hook": hook, "trigger": trigger}
            try:
                await self._client.write("post", endpoint, {}, **where)
                return
            except ForgeBusy:
                raise
            except ForgeError as error:
                if not 400 <= error.status < 500:
                    raise

    # ── what was delivered ───────────────────────────────────────────────────────────────────

    async def _of(self, hook: str, since: float) -> Sequence[Attempt]:
        """https://docs.gitlab.com/api/project_webhooks/#list-project-webhook-events (17.3 and later)"""
        state, now = self._hooks[hook], self._client.now()
        begin = min(since, state.until or since)
        kind, owner, id = hook.split("/")
        found: list[Attempt] = []
        listed = self._client.items(
            f"/{kind}/{{owner}}/hooks/{{hook}}/events",
            {"per_page": _EVENTS_AT_ONCE},
            pages=_MOST_EVENT_PAGES,
            owner=_unfolded(owner),
            hook=id,
        )
        try:
            async for item in listed:
                attempt = _attempt(shaped(lambda one: one, item), hook, state, now)
                if attempt is not None and attempt.at < begin:
                    break
                found += [attempt] if attempt is not None else []
        except ForgeBusy:
            raise
        except ForgeError as error:
            if error.status not in (403, 404):
                raise
        state.looked_at, state.until = now, now
        state.first_seen = {each.id: each.at for each in found}
        return found


def _owners_of(repo: Repo) -> Iterator[str]:
    """The project by its number, and each group above it by its path, with "+" for the slashes."""
    yield f"projects/{repo.id}"
    parts = repo.name.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        yield "groups/" + "+".join(parts[:end])


def _unfolded(owner: str) -> str:
    return owner.replace("+", "/")


def _attempt(item: Fields, hook: str, state: _Hook, now: float) -> Attempt | None:
    """None for one without an idempotency key (before 17.4): it could not be told from another one.

    The time stands among the headers that were sent (19.0 and later) or came; else it is when we saw it.
    """
    sent, came = _headers(item, "request_headers"), _headers(item, "response_headers")
    guid = sent.get("idempotency-key", "")
    if not guid:
        return None
    id, stamp = shaped(lambda one: one.id("id"), item.data), sent.get("webhook-timestamp", "")
    at = float(stamp) if stamp.isdecimal() and len(stamp) < 12 else moment_of(came.get("date", ""))
    status = str(item.data.get("response_status"))
    is_accepted = status.isdecimal() and 200 <= int(status) < 300
    return Attempt(id, guid, at if at is not None else state.first_seen.get(id, now), is_accepted, hook)


def _headers(item: Fields, key: str) -> Mapping[str, str]:
    found = item.data.get(key)
    listed = found.items() if isinstance(found, dict) else ()
    return {str(name).lower(): str(value) for name, value in listed}


# ── heads ────────────────────────────────────────────────────────────────────────────────────


async def open_pulls(client: Client, repo: Repo, since: float) -> Sequence[OpenPull]:
    """https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests"""
    query = {"state": "opened", "order_by": "updated_at", "sort": "desc"}
    found: list[OpenPull] = []
    async for item in client.items("/projects/{project}/merge_requests", query, project=repo.id):
        if not isinstance(item, dict) or item.get("sha") is None:
            continue  # it has no commits of its own yet
        pull = shaped(lambda one: OpenPull(pull_of(one), one.moment("updated_at")), item)
        if pull.updated_at < since:
            break
        found.append(pull)
    return tuple(found)


async def default_branch(client: Client, repo: Repo) -> str:
    answer = await client.get("/projects/{project}", project=repo.id)
    return shaped(lambda project: project.name("default_branch"), answer)


async def last_push(client: Client, repo: Repo, branch: str) -> LastPush | None:
    """GitLab keeps three years of events, and none of a push to many branches at once.

    https://docs.gitlab.com/api/events/#list-all-visible-events-for-a-project
    """
    query: Mapping[str, Any] = {"action": "pushed", "sort": "desc", "per_page": PER_PAGE}
    endpoint = "/projects/{project}/events"
    async for item in client.items(endpoint, query, pages=_MOST_PUSH_PAGES, project=repo.id):
        event = shaped(lambda one: one, item)
        if _is_of_branch(event, branch):
            return shaped(lambda one: _push(one, branch), item)
    return None


def _is_of_branch(event: Fields, branch: str) -> bool:
    push = event.data.get("push_data")
    if not isinstance(push, dict):
        return False
    return push.get("ref") == branch and push.get("ref_type") == "branch"


def _push(event: Fields, branch: str) -> LastPush | None:
    push = event.object("push_data")
    if not push.has("commit_to"):
        return None
    before = push.sha("commit_from") if push.has("commit_from") else NO_SHA
    actor = actor_of(event.object("author"))
    return LastPush(branch, push.sha("commit_to"), before, actor, event.moment("created_at"))
