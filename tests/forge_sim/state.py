"""Everything the forge knows, as plain mutable records; the git objects alone live on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Role = Literal["none", "read", "triage", "write", "maintain", "admin"]
RANK: dict[str, int] = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}

# First ids per kind. They differ so that one kind's id is never accepted for another's by luck,
# and those that are beyond 2^31 at GitHub are so here.
FIRST_ID = {
    "account": 1001,
    "app": 2001,
    "installation": 30001,
    "repo": 500001,
    "pull": 2_700_000_001,
    "comment": 3_600_000_001,
    "reaction": 800001,
    "issue_event": 20_000_000_001,
    "status": 40_000_000_001,
    "suite": 50_000_000_001,
    "run": 60_000_000_001,
    "delivery": 70_000_000_001,
    "hook": 900001,
    "ruleset": 1_200_001,
    "activity": 9_000_000_001,
    "deployment": 3_100_000_001,
    "deployment_status": 5_200_000_001,
}


@dataclass(slots=True)
class Account:
    id: int
    login: str
    type: Literal["User", "Organization", "Bot"]
    token: str = ""
    members: dict[int, Role] = field(default_factory=dict)
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class App:
    id: int
    slug: str
    owner: Account
    bot: Account
    public_key: Any
    private_pem: str
    webhook_url: str
    webhook_secret: str
    permissions: dict[str, str]
    events: list[str]
    hook_id: int
    client_id: str
    client_secret: str
    hook_active: bool = True
    setup_url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Installation:
    id: int
    app: App
    account: Account
    repo_ids: set[int] | None
    permissions: dict[str, str]
    suspended_at: float | None = None
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class InstallationToken:
    token: str
    installation: Installation
    permissions: dict[str, str]
    repo_ids: set[int] | None
    expires_at: float


@dataclass(slots=True)
class Delivery:
    id: int
    guid: str
    event: str
    action: str | None
    payload: Json
    installation_id: int | None
    repository_id: int | None
    redelivery: bool = False
    delivered_at: float = field(default_factory=time.time)
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""


@dataclass(slots=True)
class CheckSuite:
    id: int
    app: App
    head_sha: str
    head_branch: str | None
    before: str | None
    after: str | None
    status: str = "queued"
    conclusion: str | None = None
    runs: list[CheckRun] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class CheckRun:
    id: int
    suite: CheckSuite
    name: str
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    output: dict[str, str | None] = field(
        default_factory=lambda: dict.fromkeys(("title", "summary", "text"))
    )
    annotations: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    app_id: int | None
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class DeploymentStatus:
    id: int
    state: str
    description: str
    log_url: str
    creator: Account
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Deployment:
    id: int
    sha: str
    environment: str
    description: str | None
    payload: Any
    creator: Account
    app: App | None
    statuses: list[DeploymentStatus] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)

    @property
    def state(self) -> str:
        """As pages show it: of the newest status."""
        return self.statuses[-1].state if self.statuses else "pending"


@dataclass(slots=True)
class Reaction:
    id: int
    user: Account
    content: str
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Comment:
    id: int
    number: int
    user: Account
    body: str
    app: App | None = None
    reactions: list[Reaction] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Protection:
    """Required checks by name; an ``app_id`` of None accepts the check from anybody."""

    checks: list[tuple[str, int | None]]
    strict: bool = False
    enforce_admins: bool = True


@dataclass(slots=True)
class Ruleset:
    """What a ruleset asks of one branch; an integration id of None accepts a check from anybody."""

    id: int
    checks: list[tuple[str, int | None]]
    strict: bool = False
    merge_queue: bool = False


@dataclass(slots=True)
class Queued:
    """A pull request in a merge queue; the first of a branch has a group: a merge, tested on ``ref``."""

    pull: Pull
    head_sha: str
    by: Account
    base_sha: str = ""
    merge_sha: str = ""
    ref: str = ""


@dataclass(slots=True)
class Pull:
    id: int
    number: int
    title: str
    body: str | None
    user: Account
    base: Repo
    base_ref: str
    base_sha: str
    head: Repo | None
    head_owner: Account
    head_ref: str
    head_sha: str
    draft: bool = False
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    merged_by: Account | None = None
    merge_sha: str | None = None
    merged_at: float | None = None
    closed_at: float | None = None
    #: Moves of the head by force: (id of the event, by whom, to which commit, when).
    forced: list[tuple[int, Account, str, float]] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Activity:
    """One move of a branch or a tag, as the forge keeps it."""

    id: int
    ref: str
    before: str
    after: str
    kind: str
    actor: Account
    at: float


@dataclass(slots=True)
class Repo:
    id: int
    owner: Account
    name: str
    private: bool
    default_branch: str
    parent: Repo | None = None
    network: int = 0
    collaborators: dict[int, Role] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    suites: dict[int, CheckSuite] = field(default_factory=dict)
    runs: dict[int, CheckRun] = field(default_factory=dict)
    suite_of: dict[tuple[int, str], CheckSuite] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    rulesets: dict[str, Ruleset] = field(default_factory=dict)
    queue: list[Queued] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    next_number: int = 1
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    pushed_at: float = field(default_factory=time.time)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def head_of(self, branch: str) -> str | None:
        return self.refs.get(f"refs/heads/{branch}")


class World:
    """All records, with the look-ups that several modules need."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.repos: dict[int, Repo] = {}
        self.names: dict[str, Repo] = {}
        self.moved: dict[str, Repo] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.user_tokens: dict[str, Account] = {}
        self.tokens: dict[str, InstallationToken] = {}
        self.manifest_codes: dict[str, App] = {}
        self._next = dict(FIRST_ID)

    def next_id(self, kind: str) -> int:
        number = self._next[kind]
        self._next[kind] = number + 1
        return number

    def account(self, login: str) -> Account | None:
        return self.accounts.get(login.lower())

    def account_by_id(self, number: int) -> Account | None:
        return next((a for a in self.accounts.values() if a.id == number), None)

    def repo(self, owner: str, name: str) -> Repo | None:
        return self.names.get(f"{owner}/{name}".lower())

    def app_by_slug(self, slug: str) -> App | None:
        return next((a for a in self.apps.values() if a.slug == slug), None)

    def installations_on(self, repo: Repo) -> Iterator[Installation]:
        for one in list(self.installations.values()):
            if covers(one, repo):
                yield one

    def installation_for(self, app: App, repo: Repo) -> Installation | None:
        return next((i for i in self.installations_on(repo) if i.app is app), None)

    def pulls_with_head(self, repo: Repo, branch: str) -> list[Pull]:
        """Open pull requests, in this repository or its network, whose head is that branch."""
        network = [r for r in self.repos.values() if r.network == repo.network]
        return [
            pull
            for other in network
            for pull in other.pulls.values()
            if pull.state == "open" and pull.head is repo and pull.head_ref == branch
        ]

    def role(self, user: Account, repo: Repo) -> Role:
        """The highest of: owner, organisation role, collaborator, reader of a public repository."""
        if user.id == repo.owner.id:
            return "admin"
        held: list[Role] = [repo.collaborators.get(user.id, "none")]
        held.append(repo.owner.members.get(user.id, "none"))
        if not repo.private:
            held.append("read")
        return max(held, key=lambda role: RANK[role])

    def is_member(self, user: Account, repo: Repo) -> bool:
        return (
            user.id == repo.owner.id or user.id in repo.collaborators or user.id in repo.owner.members
        )


def covers(installation: Installation, repo: Repo) -> bool:
    if installation.account.id != repo.owner.id:
        return False
    return installation.repo_ids is None or repo.id in installation.repo_ids
