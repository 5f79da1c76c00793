"""One GitLab event by its body in; one event of ours, or None, out. Raises `WrongShape`. Pure.

The header that names the event is not signed, so the body's own word counts.
https://docs.gitlab.com/user/project/integrations/webhook_events/
https://docs.gitlab.com/administration/system_hooks/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ci_bot.core.events import (
    NO_SHA,
    Actor,
    Commented,
    Event,
    Pull,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    TagPushed,
)
from ci_bot.forges.gitlab.values import FORGE, account_of, actor_of, path_of, tenant_of, told_repo_of
from ci_bot.forges.payload import Fields, WrongShape

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"

_PUSH: Final = "push"
_TAG: Final = "tag_push"
_MERGE_REQUEST: Final = "merge_request"
_NOTE: Final = "note"

#: System hooks name no account for these: an account nobody has.
NOBODY: Final = Actor(id=0, login="unknown")


def translate(name: str, body: Fields, bot_id: int | None) -> Event | None:
    """`name` is what the X-Gitlab-Event header says. None for what asks nothing of us.

    `bot_id`: the account that our own notes are of.
    """
    kind = kind_of(body)
    if kind not in _KINDS[name]:
        if kind in _MINE:
            raise WrongShape(f"this is the body of another event than {name}")
        return None
    if kind == _NOTE:
        return _note(body, bot_id)
    return _EVENTS[kind](body)


def is_known(name: str) -> bool:
    return name in _KINDS


def kind_of(body: Fields) -> str:
    """System hooks about projects have an `event_name` alone, all others an `object_kind`, too."""
    return body.name("object_kind") if body.has("object_kind") else body.name("event_name")


# ── pushes ───────────────────────────────────────────────────────────────────────────────────


def _push(body: Fields) -> Event | None:
    ref, after, before = body.name("ref"), body.sha("after"), body.sha("before")
    if not ref.startswith(_HEADS):
        return None
    repo, actor = _repo(body), _pusher(body)
    if after == NO_SHA:
        return RefDeleted(repo, ref, actor)
    return Pushed(repo, _named(ref, _HEADS), after, before, _message(body, after), actor)


def _tag_push(body: Fields) -> Event | None:
    """`after` of an annotated tag is the tag; `checkout_sha` is the commit behind it, if it is one."""
    ref, after = body.name("ref"), body.sha("after")
    body.sha("before")
    if not ref.startswith(_TAGS):
        raise WrongShape("ref must be a tag's")
    repo, actor = _repo(body), _pusher(body)
    if after == NO_SHA:
        return RefDeleted(repo, ref, actor)
    if not body.has("checkout_sha"):
        return None
    sha = body.sha("checkout_sha")
    return TagPushed(repo, _named(ref, _TAGS), sha, _message(body, sha), actor)


def _message(body: Fields, sha: str) -> str:
    """The newest 20 commits are listed, and none in system hooks: "" where the head is not."""
    listed = body.objects("commits") if body.has("commits") else ()
    found = (commit for commit in listed if commit.data.get("id") == sha)
    commit = next(found, None)
    return commit.text("message") if commit is not None and commit.has("message") else ""


def _named(ref: str, prefix: str) -> str:
    name = ref.removeprefix(prefix)
    if not name:
        raise WrongShape("ref must name something")
    return name


def _pusher(body: Fields) -> Actor:
    username = body.name("user_username") if body.has("user_username") else ""
    return account_of(body.id("user_id"), username)


# ── merge requests ───────────────────────────────────────────────────────────────────────────


def _merge_request(body: Fields) -> Event | None:
    """Of updates those alone that bring a head, another target, other labels, or the end of a draft."""
    told = body.object("object_attributes")
    action = told.name("action") if told.has("action") else ""
    if action not in ("open", "reopen", "update", "close", "merge"):
        return None
    repo, actor = _repo(body), actor_of(body.object("user"))
    if told.id("target_project_id") != repo.id:
        raise WrongShape("object_attributes.target_project_id must be the project's")
    if not told.has("last_commit"):
        return None  # it has no commits of its own yet
    pull = _pull(body, told, actor)
    if action in ("close", "merge"):
        return PullRequestClosed(repo, pull, actor)
    before = told.sha("oldrev") if told.has("oldrev") else ""
    changes = body.object("changes") if body.has("changes") else Fields({})
    is_new = bool(before) or action != "update" or _asks_anew(changes)
    if not (is_new or changes.has("labels")):
        return None
    at = told.moment("created_at") if action == "open" else 0.0
    brought_head = action == "open" or bool(before)
    return PullRequestChanged(repo, pull, actor, brought_head, before, at, relabelled=not is_new)


def _asks_anew(changes: Fields) -> bool:
    """`draft` is among the changes since 16.x; before, the title said it."""
    if changes.has("target_branch"):
        return True
    became = changes.object("draft") if changes.has("draft") else None
    return became is not None and became.data.get("current") is False


def _pull(body: Fields, told: Fields, actor: Actor) -> Pull:
    """Hooks tell the author's number alone, and not what the target branch is at."""
    author = told.id("author_id")
    labels = body.objects("labels") if body.has("labels") else ()
    return Pull(
        number=told.id("iid"),
        title=told.text("title"),
        author=actor if author == actor.id else account_of(author, ""),
        head_sha=told.object("last_commit").sha("id"),
        head_ref=told.name("source_branch"),
        head_repo=told.id("source_project_id") if told.has("source_project_id") else None,
        base_ref=told.name("target_branch"),
        base_sha=NO_SHA,
        is_open=told.name("state") == "opened",
        is_draft=_is_draft(told),
        labels=tuple(label.text("title") for label in labels),
    )


def _is_draft(told: Fields) -> bool:
    """`work_in_progress` is its older name: https://docs.gitlab.com/user/project/merge_requests/drafts/."""
    return told.data.get("draft", told.data.get("work_in_progress")) is True


# ── notes ────────────────────────────────────────────────────────────────────────────────────


def _note(body: Fields, bot_id: int | None) -> Event | None:
    """New notes by people under merge requests alone: an edited one commands nothing.

    Nor does an internal one, which not everybody sees. Before 16.11 there is no action: edits were not
    told of. A removed note is never told of.
    """
    told = body.object("object_attributes")
    if not _is_new_and_seen(body, told):
        return None
    actor, repo = actor_of(body.object("user")), _repo(body)
    pull, author = body.object("merge_request"), told.id("author_id")
    if pull.id("target_project_id") != repo.id:
        raise WrongShape("merge_request.target_project_id must be the project's")
    if author != actor.id:
        raise WrongShape("object_attributes.author_id must be the user's")
    if actor.is_bot or author == bot_id:
        return None
    at = told.moment("created_at")
    return Commented(repo, pull.id("iid"), told.id("id"), told.text("note"), actor, at)


def _is_new_and_seen(body: Fields, told: Fields) -> bool:
    kind, action = told.name("noteable_type"), told.data.get("action")
    if kind != "MergeRequest" or action not in (None, "create"):
        return False
    if told.data.get("system") is True or told.data.get("internal") is True:
        return False
    return body.data.get("event_type") in (None, _NOTE)


# ── projects ─────────────────────────────────────────────────────────────────────────────────


def _renamed(body: Fields) -> Event | None:
    return RepoRenamed(_listed_repo(body), NOBODY)


def _transferred(body: Fields) -> Event | None:
    body.name("old_path_with_namespace")
    return RepoTransferred(_listed_repo(body), NOBODY)


def _destroyed(body: Fields) -> Event | None:
    return RepoDeleted(_listed_repo(body), NOBODY)


def _listed_repo(body: Fields) -> Repo:
    """System hooks do not tell the default branch: "". Older ones wrote "visibilitylevel|private"."""
    visibility = body.name("project_visibility").rpartition("|")[2]
    path = path_of(body, "path_with_namespace")
    return Repo(FORGE, body.id("project_id"), path, "", visibility != "public", tenant_of(path))


def _repo(body: Fields) -> Repo:
    """Of what it is sent about: the project's number stands in the project, or in older hooks beside it."""
    project = body.object("project")
    inner = project.id("id") if project.has("id") else None
    outer = body.id("project_id") if body.has("project_id") else inner
    if outer is None or inner not in (None, outer):
        raise WrongShape("project.id must be a number, and project_id the same")
    return told_repo_of(project, outer)


_EVENTS: Final[Mapping[str, Callable[[Fields], Event | None]]] = MappingProxyType(
    {
        _PUSH: _push,
        _TAG: _tag_push,
        _MERGE_REQUEST: _merge_request,
        "project_rename": _renamed,
        "project_update": _renamed,
        "project_transfer": _transferred,
        "project_destroy": _destroyed,
    }
)
_MINE: Final = frozenset({*_EVENTS, _NOTE})

#: What may stand in the body, for each header that asks for anything.
_KINDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Push Hook": frozenset({_PUSH}),
        "Tag Push Hook": frozenset({_TAG}),
        "Merge Request Hook": frozenset({_MERGE_REQUEST}),
        "Note Hook": frozenset({_NOTE}),
        "System Hook": _MINE,
        "Project Hook": frozenset({"project_destroy"}),
    }
)
