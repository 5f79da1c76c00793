"""Shared parts of the JSON shapes: addresses, node ids, time stamps, accounts."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

from ..state import Account, App, Json


@dataclass(frozen=True, slots=True)
class Urls:
    """``web`` is where the pages and git are, ``api`` the root of the REST API."""

    web: str

    @property
    def api(self) -> str:
        return f"{self.web}/api/v3"


def iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_or_none(at: float | None) -> str | None:
    return None if at is None else iso(at)


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


_USER_LINKS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}


def user(urls: Urls, account: Account) -> Json:
    """``simple-user``."""
    url = f"{urls.api}/users/{account.login}"
    shape: Json = {
        "login": account.login,
        "id": account.id,
        "node_id": node_id(account.type, account.id),
        "avatar_url": f"{urls.web}/avatars/u/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": html_url(urls, account),
        "type": account.type,
        "user_view_type": "public",
        "site_admin": False,
    }
    shape.update({key: f"{url}/{tail}" for key, tail in _USER_LINKS.items()})
    return shape


def html_url(urls: Urls, account: Account) -> str:
    if account.type == "Bot":
        return f"{urls.web}/apps/{account.login.removesuffix('[bot]')}"
    return f"{urls.web}/{account.login}"


def public_user(urls: Urls, account: Account) -> Json:
    """``public-user``."""
    nothing = dict.fromkeys(("company", "location", "hireable", "bio"))
    return {
        **user(urls, account),
        **nothing,
        "name": account.login,
        "blog": "",
        "email": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": iso(account.created_at),
        "updated_at": iso(account.created_at),
    }


def app(urls: Urls, one: App) -> Json:
    """``integration``."""
    return {
        "id": one.id,
        "slug": one.slug,
        "client_id": one.client_id,
        "node_id": node_id("App", one.id),
        "owner": user(urls, one.owner),
        "name": one.slug,
        "description": "",
        "external_url": f"{urls.web}/apps/{one.slug}",
        "html_url": f"{urls.web}/apps/{one.slug}",
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
        "permissions": dict(one.permissions),
        "events": list(one.events),
    }
