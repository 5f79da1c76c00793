"""Events about what ended or changed its name, to Decisions: what is withdrawn, seen and forgotten."""

from __future__ import annotations

from typing import Final

from ci_bot.core.decisions import Decision, Disapprove, ForgetRepo, SeeRepo, Withdraw
from ci_bot.core.events import (
    Actor,
    CommentDeleted,
    MergeGroupDropped,
    Pull,
    PullRequestClosed,
    RefDeleted,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    TenantChanged,
)
from ci_bot.core.manners import manners_of, numbered
from ci_bot.core.model import RunKind

CLOSED: Final = "the {pull} was closed"
REF_DELETED: Final = "the branch was deleted"
QUEUE_LEFT: Final = "the merge queue no longer waits for this"


def decide_closed(event: PullRequestClosed, current: Pull) -> Decision:
    """`current` is what the forge says now: the event may come late, and then nobody cancels anything."""
    number = numbered(event.repo.forge, event.pull.number)
    if current.is_open:
        return Decision(f"{number} is open again by now", repos=(SeeRepo(event.repo),))
    closed = CLOSED.format(pull=manners_of(event.repo.forge).pull)
    gone = Withdraw(
        event.repo.key, closed, superseded=False, kind=RunKind.PULL_REQUEST, pull=event.pull.number
    )
    return Decision(f"{number} was closed", withdraw=(gone,), repos=(SeeRepo(event.repo),))


def decide_deleted(event: RefDeleted) -> Decision:
    seen = (SeeRepo(event.repo),)
    branch = event.ref.removeprefix("refs/heads/")
    if branch == event.ref:
        return Decision("a tag was deleted; its run stands", repos=seen)
    gone = Withdraw(event.repo.key, REF_DELETED, superseded=False, kind=RunKind.PUSH, ref=branch)
    return Decision(f"{branch} was deleted", withdraw=(gone,), repos=seen)


def decide_merge_group_dropped(event: MergeGroupDropped) -> Decision:
    gone = Withdraw(
        event.repo.key, QUEUE_LEFT, superseded=False, kind=RunKind.MERGE_GROUP, sha=event.sha
    )
    return Decision(QUEUE_LEFT, withdraw=(gone,), repos=(SeeRepo(event.repo),))


def decide_comment_deleted(event: CommentDeleted) -> Decision:
    """Whoever takes back the comment that approved a commit takes back the approval."""
    gone = Disapprove(event.repo.key, event.comment, f"{_who(event.actor)} withdrew the approval")
    return Decision("an approval that it gave is withdrawn", disapprove=(gone,))


def decide_tenant(event: TenantChanged) -> Decision:
    """Installed, removed, or given other repositories. Being seen starts nothing."""
    if event.is_gone:
        forget = ForgetRepo(event.forge, None, event.tenant)
        return Decision(f"removed from {event.tenant} by {_who(event.actor)}", repos=(forget,))
    changes: tuple[SeeRepo | ForgetRepo, ...] = tuple(SeeRepo(repo) for repo in event.added)
    changes += tuple(ForgetRepo(event.forge, id, event.tenant) for id in event.removed)
    return Decision(
        f"{len(event.added)} repositories seen, {len(event.removed)} given up", repos=changes
    )


def decide_repo(event: RepoRenamed | RepoTransferred | RepoDeleted) -> Decision:
    repo = event.repo
    match event:
        case RepoDeleted():
            return Decision(f"{repo.name} was deleted", repos=(ForgetRepo(repo.forge, repo.id, None),))
        case RepoTransferred():
            return Decision(f"now {repo.name}, by transfer", repos=(SeeRepo(repo, locked=True),))
        case RepoRenamed():
            return Decision(f"now {repo.name}", repos=(SeeRepo(repo),))


def _who(actor: Actor) -> str:
    return f"@{actor.login}"
