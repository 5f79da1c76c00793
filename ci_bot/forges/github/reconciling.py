"""What GitHub failed to deliver, and the heads that it has: read to be compared with what we know. I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from ci_bot.core.errors import ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.forges.github.auth import Tokens
from ci_bot.forges.github.calls import GONE, Calls
from ci_bot.forges.github.permissions import READ
from ci_bot.forges.github.values import GHOST, actor_of, pull_of
from ci_bot.forges.payload import Fields, shaped

#: The most that is read of the App's deliveries in one look: 3,000, newest first.
_MOST_PAGES: Final = 30
_PER_PAGE: Final = 100


async def attempts(tokens: Tokens, since: float) -> Sequence[Attempt]:
    """Newest first. https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook"""
    found = []
    async for item in _deliveries(tokens):
        attempt = shaped(_attempt, item)
        if attempt.at < since:
            break
        found.append(attempt)
    return tuple(found)


async def _deliveries(tokens: Tokens) -> AsyncIterator[Any]:
    url, more = "/app/hook/deliveries{?per_page,cursor}", ""
    for _ in range(_MOST_PAGES):
        cursor = {"cursor": more} if more else {}
        listed, more = await tokens.page_as_app(url, per_page=_PER_PAGE, **cursor)
        if not isinstance(listed, list):
            raise ForgeError("GitHub's answer is not a list")
        for item in listed:
            yield item
        if not more:
            return


def _attempt(item: Fields) -> Attempt:
    """The list's own filter counts 200 to 399 as delivered; 0 is a server that did not answer."""
    code = item.data.get("status_code")
    is_accepted = isinstance(code, int) and 200 <= code < 400
    return Attempt(item.id("id"), item.name("guid"), item.moment("delivered_at"), is_accepted)


async def redeliver(tokens: Tokens, attempt: int) -> None:
    """https://docs.github.com/rest/apps/webhooks#redeliver-a-delivery-for-an-app-webhook"""
    await tokens.post_as_app("/app/hook/deliveries/{attempt}/attempts", attempt=attempt)


async def open_pulls(calls: Calls, repo: Repo, since: float) -> Sequence[OpenPull]:
    """https://docs.github.com/rest/pulls/pulls#list-pull-requests"""
    url = "/pulls{?state,sort,direction,per_page,page}"
    found = []
    async for item in calls.items(
        repo, READ, url, state="open", sort="updated", direction="desc", per_page=_PER_PAGE
    ):
        pull = shaped(lambda one: OpenPull(pull_of(one), one.moment("updated_at")), item)
        if pull.updated_at < since:
            break
        found.append(pull)
    return tuple(found)


async def default_branch(calls: Calls, repo: Repo) -> str:
    """https://docs.github.com/rest/repos/repos#get-a-repository"""
    return shaped(lambda one: one.name("default_branch"), await calls.get(repo, READ, ""))


async def last_push(calls: Calls, repo: Repo, branch: str) -> LastPush | None:
    """Enterprise Servers before 3.9 keep no such record: 404.

    https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    url = "/activity{?ref,direction,per_page}"
    how = {"ref": f"refs/heads/{branch}", "direction": "desc", "per_page": 1}
    try:
        listed = await calls.get(repo, READ, url, **how)
    except ForgeError as error:
        if error.status in GONE:
            return None
        raise
    if not isinstance(listed, list):
        raise ForgeError("GitHub's answer is not a list")
    if not listed:
        return None
    return shaped(lambda one: _push(one, branch), listed[0])


def _push(item: Fields, branch: str) -> LastPush | None:
    if item.name("activity_type") == "branch_deletion":
        return None
    actor = actor_of(item.object("actor")) if item.has("actor") else GHOST
    return LastPush(branch, item.sha("after"), item.sha("before"), actor, item.moment("timestamp"))
