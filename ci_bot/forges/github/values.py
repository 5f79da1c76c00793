"""GitHub's JSON of repositories, accounts and pull requests in; our own values out, or `WrongShape`.

Webhooks and REST answers describe them alike, so both read them here.
"""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.events import Actor, Pull, Repo
from ci_bot.forges.payload import Fields, WrongShape

FORGE: Final = "github"

#: Whom GitHub shows in place of a deleted account: https://github.com/ghost
GHOST: Final = Actor(id=10137, login="ghost")

#: Goes into URLs, so nothing else is let through.
_FULL_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


def repo_of(data: Fields, tenant: str) -> Repo:
    """A repository as events about it carry it."""
    return _repo(data, tenant, data.name("default_branch"))


def listed_repo_of(data: Fields, tenant: str) -> Repo:
    """A repository in an installation's list, which does not tell the default branch: ""."""
    return _repo(data, tenant, "")


def is_full_name(name: str) -> bool:
    """Whether it is "owner/name" and safe in a URL."""
    return bool(_FULL_NAME.fullmatch(name)) and not {".", ".."} & set(name.split("/"))


def _repo(data: Fields, tenant: str, default_branch: str) -> Repo:
    name = data.name("full_name")
    if not is_full_name(name):
        raise WrongShape(f"{data.path}.full_name must be owner/name")
    return Repo(
        forge=FORGE,
        id=data.id("id"),
        name=name,
        default_branch=default_branch,
        private=data.flag("private"),
        tenant=tenant,
    )


def actor_of(data: Fields) -> Actor:
    return Actor(data.id("id"), data.name("login"), is_bot=data.name("type") == "Bot")


def pull_of(data: Fields) -> Pull:
    head, base = data.object("head"), data.object("base")
    return Pull(
        number=data.id("number"),
        title=data.text("title"),
        author=actor_of(data.object("user")) if data.has("user") else GHOST,
        head_sha=head.sha("sha"),
        head_ref=head.name("ref"),
        head_repo=head.object("repo").id("id") if head.has("repo") else None,
        base_ref=base.name("ref"),
        base_sha=base.sha("sha"),
        is_open=data.name("state") == "open",
        is_draft=data.flag("draft") if data.has("draft") else False,
        labels=_labels(data),
    )


def _labels(data: Fields) -> tuple[str, ...]:
    """Some lists of pull requests leave them out."""
    listed = data.objects("labels") if data.has("labels") else ()
    return tuple(label.text("name") for label in listed)
