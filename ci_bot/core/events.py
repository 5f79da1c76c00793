"""What a forge told us, in our own words: frozen values, no forge dictionary beyond this point.

Every event is a past fact. A forge's `webhook.py` makes them from verified payloads; what a look at the
forge found (`core/reconciling.py`) is the one other source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository. `id` is the forge's number and its identity; `name` may change."""

    forge: str  # the adapter that answers for it, and the last part of its hook URL: "github"
    id: int
    name: str  # "owner/name"
    default_branch: str
    private: bool
    tenant: str  # opaque: what the forge's adapter needs to get credentials (GitHub: installation id)

    @property
    def key(self) -> str:
        """Unique over all forges; stable over renames."""
        return f"{self.forge}:{self.id}"


@dataclass(frozen=True, slots=True)
class Actor:
    """An account. Only the number is identity: logins are renamed and taken over."""

    id: int
    login: str
    is_bot: bool = False


class Permission(IntEnum):
    """What an account may do in a repository, in rising order."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Access:
    """The forge's own answer about one account at one moment; `account` says whom it is about.

    `may_approve` False where the operator asks for more than write access of whoever lets the code of
    others run.
    """

    account: int
    permission: Permission
    may_approve: bool = True


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as the forge describes it at one moment."""

    number: int
    title: str
    author: Actor
    head_sha: str
    head_ref: str  # a branch name in the head repository
    head_repo: int | None  # None when the fork was deleted
    base_ref: str
    base_sha: str
    is_open: bool
    is_draft: bool
    labels: tuple[str, ...] = ()

    def is_from_fork(self, repo: Repo) -> bool:
        return self.head_repo != repo.id


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch moved to `sha`. `before` is all zeros (as `NO_SHA`) for a new branch."""

    repo: Repo
    branch: str
    sha: str
    before: str
    message: str  # of the head commit
    actor: Actor


@dataclass(frozen=True, slots=True)
class TagPushed:
    """A tag was made or moved to `sha`, which is a commit (annotated tags are peeled)."""

    repo: Repo
    tag: str
    sha: str
    message: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class RefDeleted:
    """A branch or a tag is gone."""

    repo: Repo
    ref: str  # "refs/heads/x" or "refs/tags/x"
    actor: Actor


@dataclass(frozen=True, slots=True)
class PullRequestChanged:
    """A pull request has a head or a base to be tested: opened, reopened, pushed to, base or labels changed."""

    repo: Repo
    pull: Pull
    actor: Actor
    brought_head: bool  # True where this event brought `pull.head_sha`: opened, or a push by `actor`
    before: str = ""  # the head that a push replaced; "" if none was
    at: float = 0.0  # by the forge's clock, in seconds since the epoch; 0 if it did not say
    relabelled: bool = False  # nothing else than its labels changed


@dataclass(frozen=True, slots=True)
class PullRequestClosed:
    """Closed or merged: nobody waits for its result any more."""

    repo: Repo
    pull: Pull
    actor: Actor


@dataclass(frozen=True, slots=True)
class MergeGroupAsked:
    """A merge queue wants `sha` tested: a merge that is not on any branch of a person."""

    repo: Repo
    sha: str
    ref: str
    base_ref: str
    base_sha: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class MergeGroupDropped:
    """The merge queue no longer waits for `sha`."""

    repo: Repo
    sha: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Commented:
    """A person wrote a new comment on a pull request; never an App, never ci-bot itself, never an edit."""

    repo: Repo
    pull: int
    comment: int  # the forge's number
    body: str
    actor: Actor
    at: float  # by the forge's clock, in seconds since the epoch


@dataclass(frozen=True, slots=True)
class CommentDeleted:
    """A comment on a pull request is gone: an approval that it gave is withdrawn."""

    repo: Repo
    pull: int
    comment: int
    actor: Actor


class Button(StrEnum):
    """What the buttons of our completed checks ask for; the value is what the forge sends back.

    At most 20 characters: https://docs.github.com/rest/checks/runs#create-a-check-run
    """

    APPROVE = "approve"
    RETRY_FAILED = "retry-failed"
    RETRY_ALL = "retry-all"


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """A person pressed a button of one of our checks; it is bound to that check's sha."""

    repo: Repo
    sha: str
    check: str  # the check's name
    button: Button
    actor: Actor


@dataclass(frozen=True, slots=True)
class RerunAsked:
    """A person pressed Re-run. `check` is the name of one check, None for the whole suite."""

    repo: Repo
    sha: str
    check: str | None
    actor: Actor


class Ask(StrEnum):
    """What the holder of an API token can ask of a run."""

    RETRY = "retry"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class RunSteered:
    """The holder of an API token asked something of one run; `jobs` () means all that it is about."""

    repo: Repo
    run: str
    ask: Ask
    jobs: tuple[str, ...]
    whole: bool  # of a retry: also what succeeded
    token: str  # its id: what it may is looked up when this is decided
    actor: Actor


@dataclass(frozen=True, slots=True)
class TenantChanged:
    """ci-bot was installed, removed, suspended or resumed, or given and taken repositories."""

    forge: str
    tenant: str
    added: tuple[Repo, ...]
    removed: tuple[int, ...]  # repository ids
    is_gone: bool  # the whole installation is removed or suspended
    actor: Actor


@dataclass(frozen=True, slots=True)
class RepoRenamed:
    """The repository has a new name, or a new default branch or visibility; `repo` is the new truth."""

    repo: Repo
    actor: Actor


@dataclass(frozen=True, slots=True)
class RepoTransferred:
    """The repository has a new owner: its secrets stay locked until an administrator confirms."""

    repo: Repo
    actor: Actor


@dataclass(frozen=True, slots=True)
class RepoDeleted:
    """The repository is gone."""

    repo: Repo
    actor: Actor


@dataclass(frozen=True, slots=True)
class PullFound:
    """A look at the forge found a pull request's head that no delivery told us of."""

    repo: Repo
    number: int
    sha: str
    base_ref: str


@dataclass(frozen=True, slots=True)
class PushFound:
    """A look at the forge found a branch's head that no delivery told us of."""

    repo: Repo
    branch: str
    sha: str
    before: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class SchedulesFound:
    """A look at the forge found a head of the default branch whose schedules we do not know yet."""

    repo: Repo
    branch: str
    sha: str
    actor: Actor  # who brought it, by the forge's own record
    hour: int = 0  # since the epoch: the same head may be found again, after the repository was away


@dataclass(frozen=True, slots=True)
class Ticked:
    """A moment of a stored schedule has come. Moments are seconds since the epoch."""

    repo: Repo
    schedule: str  # its id: what it is by now is looked up when this is decided
    due_at: float
    at: float  # when that was seen
    was_down: bool = False  # no server looked when it was due
    skipped: bool = False  # earlier moments were missed, too, and have no tick of their own


Event: TypeAlias = (
    Pushed
    | TagPushed
    | RefDeleted
    | PullRequestChanged
    | PullRequestClosed
    | MergeGroupAsked
    | MergeGroupDropped
    | Commented
    | CommentDeleted
    | ButtonPressed
    | RerunAsked
    | RunSteered
    | TenantChanged
    | RepoRenamed
    | RepoTransferred
    | RepoDeleted
    | PullFound
    | PushFound
    | SchedulesFound
    | Ticked
)

#: What forges write for "no commit": the `before` of a new branch.
NO_SHA = "0" * 40
