"""One GitHub event, by its name and its body, in; one event of ours, or None, out. Raises `WrongShape`.

The event's name is not signed, the body is: a body of one event must not pass as another, least of
all as one that deletes. Each translation therefore insists on what only its own event carries.
https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from ci_bot.core.events import (
    NO_SHA,
    Actor,
    Button,
    ButtonPressed,
    CommentDeleted,
    Commented,
    Event,
    MergeGroupAsked,
    MergeGroupDropped,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TagPushed,
    TenantChanged,
)
from ci_bot.forges.github.values import FORGE, actor_of, listed_repo_of, pull_of, repo_of
from ci_bot.forges.payload import Fields, WrongShape

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
#: Branches that a merge queue makes and removes for itself; `merge_group` events tell of them.
#: https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
_QUEUE: Final = "refs/heads/gh-readonly-queue/"

#: A push may come without a sender (it is optional in GitHub's description): an account nobody has.
NOBODY: Final = Actor(id=0, login="unknown")

_CHANGED: Final = frozenset({"opened", "reopened", "synchronize", "ready_for_review", "edited"})
_LABELLED: Final = frozenset({"labeled", "unlabeled"})
_BROUGHT_HEAD: Final = frozenset({"opened", "synchronize"})
_REPOSITORY_KEYS: Final = frozenset(
    {"action", "changes", "repository", "sender", "organization", "installation", "enterprise"}
)
_GONE: Final = frozenset({"deleted", "suspend"})
_HERE: Final = frozenset({"created", "unsuspend", "new_permissions_accepted"})


def translate(name: str, body: Fields, app_id: int) -> Event | None:
    """None for what asks nothing of us. `app_id`: checks of other Apps are none of our business."""
    if name in _CHECKS:
        return _CHECKS[name](body, app_id)
    return _EVENTS[name](body)


def is_known(name: str) -> bool:
    return name in _EVENTS or name in _CHECKS


def _push(body: Fields) -> Event | None:
    ref, after, before = body.name("ref"), body.sha("after"), body.sha("before")
    body.flag("created")
    if body.flag("deleted") != (after == NO_SHA):
        raise WrongShape("after must be zeros exactly where the ref is deleted")
    if ref.startswith(_QUEUE) or not ref.startswith((_HEADS, _TAGS)):
        return None
    repo, actor = _repo(body), _sender_if_any(body)
    if after == NO_SHA:
        return RefDeleted(repo, ref, actor)
    if ref.startswith(_TAGS):
        return _tag(body, repo, ref.removeprefix(_TAGS), actor)
    message = body.object("head_commit").text("message") if body.has("head_commit") else ""
    return Pushed(repo, _named(ref, _HEADS), after, before, message, actor)


def _tag(body: Fields, repo: Repo, tag: str, actor: Actor) -> Event | None:
    """`after` of an annotated tag is the tag object; `head_commit` is the commit behind it."""
    if not body.has("head_commit"):
        return None  # it names a tree or a blob: there is nothing to build
    commit = body.object("head_commit")
    return TagPushed(repo, _not_empty(tag), commit.sha("id"), commit.text("message"), actor)


def _named(ref: str, prefix: str) -> str:
    return _not_empty(ref.removeprefix(prefix))


def _not_empty(name: str) -> str:
    if not name:
        raise WrongShape("ref must name something")
    return name


def _delete(body: Fields) -> Event | None:
    body.name("pusher_type")
    if "master_branch" in body.data:
        raise WrongShape("this is the body of a create event")
    prefix = {"branch": _HEADS, "tag": _TAGS}.get(body.name("ref_type"))
    if prefix is None:
        return None
    ref = prefix + body.name("ref").removeprefix(prefix)
    return None if ref.startswith(_QUEUE) else RefDeleted(_repo(body), ref, _sender(body))


def _pull_request(body: Fields) -> Event | None:
    action = body.name("action")
    if action not in _CHANGED | _LABELLED and action != "closed":
        return None
    _refuse(body, "review", "comment", "thread")
    repo, actor = _repo(body), _sender(body)
    data = body.object("pull_request")
    pull = pull_of(data)
    if body.id("number") != pull.number or data.object("base").object("repo").id("id") != repo.id:
        raise WrongShape("pull_request must be the one of number and repository")
    if action == "closed":
        return PullRequestClosed(repo, pull, actor)
    if action == "edited" and not body.object("changes").has("base"):
        return None
    before = body.sha("before") if action == "synchronize" and body.has("before") else ""
    at = data.moment("updated_at")
    brought_head, relabelled = action in _BROUGHT_HEAD, action in _LABELLED
    return PullRequestChanged(repo, pull, actor, brought_head, before, at, relabelled)


def _issue_comment(body: Fields) -> Event | None:
    """Comments on pull requests alone, new ones by people alone: an edited one commands nothing.

    https://docs.github.com/webhooks/webhook-events-and-payloads#issue_comment
    """
    action = body.name("action")
    if action not in ("created", "deleted"):
        return None
    issue, comment = body.object("issue"), body.object("comment")
    number, id, sender = issue.id("number"), comment.id("id"), _sender(body)
    if not issue.has("pull_request"):
        return None
    if action == "deleted":
        return CommentDeleted(_repo(body), number, id, sender)
    if comment.has("performed_via_github_app") or not comment.has("user"):
        return None
    author = actor_of(comment.object("user"))
    if author.is_bot or sender.is_bot:
        return None
    if author.id != sender.id:
        raise WrongShape("comment.user must be the sender")
    return Commented(
        _repo(body), number, id, comment.text("body"), author, comment.moment("created_at")
    )


def _merge_group(body: Fields) -> Event | None:
    action = body.name("action")
    if action not in ("checks_requested", "destroyed"):
        return None
    group = body.object("merge_group")
    repo, sha, actor = _repo(body), group.sha("head_sha"), _sender_if_any(body)
    if action == "destroyed":
        return MergeGroupDropped(repo, sha, actor)
    return MergeGroupAsked(
        repo=repo,
        sha=sha,
        ref=_named(group.name("head_ref"), _HEADS),
        base_ref=_named(group.name("base_ref"), _HEADS),
        base_sha=group.sha("base_sha"),
        actor=actor,
    )


def _installation(body: Fields) -> Event | None:
    action = body.name("action")
    if action not in _GONE and action not in _HERE:
        return None
    _refuse(body, "repository")  # every other event has one, and a short installation beside it
    body.object("installation").id("app_id")
    listed = body.objects("repositories") if body.has("repositories") else ()
    if action in _GONE:
        return _tenant(body, added=(), removed=listed, is_gone=True)
    return _tenant(body, added=listed, removed=(), is_gone=False)


def _installation_repositories(body: Fields) -> Event | None:
    if body.name("action") not in ("added", "removed"):
        return None
    _refuse(body, "repository")
    added, removed = body.objects("repositories_added"), body.objects("repositories_removed")
    return _tenant(body, added=added, removed=removed, is_gone=False)


def _tenant(
    body: Fields, *, added: tuple[Fields, ...], removed: tuple[Fields, ...], is_gone: bool
) -> TenantChanged:
    tenant = _tenant_id(body)
    return TenantChanged(
        forge=FORGE,
        tenant=tenant,
        added=tuple(listed_repo_of(repo, tenant) for repo in added),
        removed=tuple(repo.id("id") for repo in removed),
        is_gone=is_gone,
        actor=_sender(body),
    )


def _repository(body: Fields) -> Event | None:
    """Many events have an action and a repository, so this one is known by having nothing else."""
    if not body.data.keys() <= _REPOSITORY_KEYS:
        raise WrongShape("this is not the body of a repository event")
    action = body.name("action")
    if action in ("renamed", "privatized", "publicized"):
        return RepoRenamed(_repo(body), _sender(body))
    if action == "edited" and body.object("changes").has("default_branch"):
        return RepoRenamed(_repo(body), _sender(body))
    if action == "transferred":
        return RepoTransferred(_repo(body), _sender(body))
    if action == "deleted":
        return RepoDeleted(_repo(body), _sender(body))
    return None


def _check_run(body: Fields, app_id: int) -> Event | None:
    run = body.object("check_run")
    if body.name("action") == "requested_action" and _is_ours(run, app_id):
        return _pressed(body, run)
    if body.name("action") != "rerequested" or not _is_ours(run, app_id):
        return None
    return RerunAsked(_repo(body), run.sha("head_sha"), run.name("name"), _sender(body))


def _pressed(body: Fields, run: Fields) -> Event | None:
    """A button of ours; one that this version does not have any more asks for nothing."""
    identifier = body.object("requested_action").name("identifier")
    if identifier not in set(Button):
        return None
    where = run.sha("head_sha"), run.name("name")
    return ButtonPressed(_repo(body), *where, Button(identifier), _sender(body))


def _check_suite(body: Fields, app_id: int) -> Event | None:
    _refuse(body, "check_run")
    suite = body.object("check_suite")
    if body.name("action") != "rerequested" or not _is_ours(suite, app_id):
        return None
    return RerunAsked(_repo(body), suite.sha("head_sha"), None, _sender(body))


def _is_ours(check: Fields, app_id: int) -> bool:
    return check.has("app") and check.object("app").id("id") == app_id


def _repo(body: Fields) -> Repo:
    return repo_of(body.object("repository"), _tenant_id(body))


def _tenant_id(body: Fields) -> str:
    """The installation, which everything sent for an App carries but `ping`.

    A signed body without one is a repository's own webhook with our secret: nothing could be asked
    or shown for it, so it is refused where its sender sees it, in the list of deliveries.
    """
    if not body.has("installation"):
        raise WrongShape("installation is missing: the webhook must be the GitHub App's own")
    return str(body.object("installation").id("id"))


def _sender(body: Fields) -> Actor:
    return actor_of(body.object("sender"))


def _sender_if_any(body: Fields) -> Actor:
    return _sender(body) if body.has("sender") else NOBODY


def _refuse(body: Fields, *keys: str) -> None:
    for key in keys:
        if key in body.data:
            raise WrongShape(f"{key} does not belong in this event")


#: `create` is missing on purpose: a push tells the same with the commit.
_EVENTS: Final[Mapping[str, Callable[[Fields], Event | None]]] = MappingProxyType(
    {
        "push": _push,
        "delete": _delete,
        "pull_request": _pull_request,
        "issue_comment": _issue_comment,
        "merge_group": _merge_group,
        "installation": _installation,
        "installation_repositories": _installation_repositories,
        "repository": _repository,
    }
)

_CheckTranslation: TypeAlias = Callable[[Fields, int], Event | None]
_CHECKS: Final[Mapping[str, _CheckTranslation]] = MappingProxyType(
    {"check_run": _check_run, "check_suite": _check_suite}
)
