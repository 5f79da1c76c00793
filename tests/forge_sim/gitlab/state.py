"""Everything the simulated GitLab knows, as plain mutable records; the git objects alone live on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Visibility = Literal["private", "internal", "public"]

# https://docs.gitlab.com/api/access_requests/#valid-access-levels
NO_ACCESS, GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER = 0, 10, 15, 20, 30, 40, 50
LEVELS = {
    "none": NO_ACCESS,
    "guest": GUEST,
    "planner": PLANNER,
    "reporter": REPORTER,
    "developer": DEVELOPER,
    "maintainer": MAINTAINER,
    "owner": OWNER,
}
VISIBILITY_LEVEL = {"private": 0, "internal": 10, "public": 20}

# First ids per kind. They differ so that one kind's id is never accepted for another's by luck.
FIRST_ID = {
    "user": 1001,
    "namespace": 9001,
    "project": 50_001,
    "merge_request": 300_001,
    "version": 310_001,
    "note": 2_400_000_001,
    "emoji": 70_001,
    "pipeline": 1_500_000_001,
    "status": 8_000_000_001,
    "deployment": 40_001,
    "environment": 45_001,
    "hook": 6001,
    "hook_event": 990_001,
    "token": 80_001,
    "label": 91_001,
    "event": 12_000_000_001,
}


@dataclass(slots=True)
class User:
    id: int
    username: str
    name: str
    bot: bool = False
    admin: bool = False
    state: str = "active"
    namespace_id: int = 0
    created_at: float = field(default_factory=time.time)

    @property
    def login(self) -> str:
        return self.username


@dataclass(slots=True)
class Token:
    """``expires_on`` is a date (YYYY-MM-DD); it is over at midnight UTC of that day."""

    id: int
    text: str
    user: User
    name: str
    scopes: tuple[str, ...]
    expires_on: str | None = None
    revoked: bool = False
    created_at: float = field(default_factory=time.time)
    last_used_at: float | None = None


@dataclass(slots=True)
class Member:
    user: User
    level: int
    expires_on: str | None = None
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Group:
    id: int
    path: str
    parent: Group | None
    visibility: Visibility = "private"
    members: dict[int, Member] = field(default_factory=dict)
    created_at: float = field(default_factory=time.time)

    @property
    def full_path(self) -> str:
        return f"{self.parent.full_path}/{self.path}" if self.parent else self.path


@dataclass(slots=True)
class CommitStatus:
    """A job of an external pipeline. ``retried``: a newer one of the same name stands for it."""

    id: int
    pipeline: Pipeline
    name: str
    user: User
    status: str = "created"
    description: str | None = None
    target_url: str | None = None
    coverage: float | None = None
    retried: bool = False
    created_at: float = field(default_factory=time.time)
    started_at: float | None = None
    finished_at: float | None = None


@dataclass(slots=True)
class Pipeline:
    id: int
    iid: int
    project: Project
    sha: str
    ref: str
    user: User
    source: str = "external"
    tag: bool = False
    archived: bool = False
    statuses: list[CommitStatus] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)

    @property
    def latest(self) -> list[CommitStatus]:
        return [one for one in self.statuses if not one.retried]


@dataclass(slots=True)
class Emoji:
    id: int
    user: User
    name: str
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Note:
    id: int
    mr: MergeRequest
    author: User
    body: str
    system: bool = False
    internal: bool = False
    discussion: str = ""
    emojis: list[Emoji] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Version:
    """One push to a merge request: https://docs.gitlab.com/api/merge_requests/#get-merge-request-diff-versions."""

    id: int
    head: str
    base: str
    start: str
    created_at: float


@dataclass(slots=True)
class MergeRequest:
    id: int
    iid: int
    title: str
    description: str
    author: User
    source: Project | None
    source_branch: str
    target: Project
    target_branch: str
    sha: str
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    approved_by: list[User] = field(default_factory=list)
    auto_merge_by: User | None = None
    merged_by: User | None = None
    merge_sha: str | None = None
    merged_at: float | None = None
    closed_by: User | None = None
    closed_at: float | None = None
    emojis: list[Emoji] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)

    @property
    def draft(self) -> bool:
        """https://docs.gitlab.com/user/project/merge_requests/drafts/: the beginning of the title says so."""
        return self.title.lower().startswith(("draft:", "[draft]", "(draft)"))


@dataclass(slots=True)
class Environment:
    id: int
    name: str
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Deployment:
    """``history`` holds every status it had, with when; the API tells the last one alone."""

    id: int
    iid: int
    environment: Environment
    sha: str
    ref: str
    tag: bool
    user: User
    history: list[tuple[str, float]] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)

    @property
    def status(self) -> str:
        return self.history[-1][0]


@dataclass(slots=True)
class HookEvent:
    """One try of a delivery, as the hook's list of recent events keeps it."""

    id: int
    trigger: str
    url: str
    key: str
    request_headers: dict[str, str]
    data: Json
    status: str = "internal error"
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    duration: float = 0.0
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Hook:
    """Of a project, of a group, or of the whole instance (``owner`` None: a system hook)."""

    id: int
    owner: Project | Group | None
    creator: User
    url: str
    events: dict[str, bool]
    name: str | None = None
    description: str | None = None
    token: str = ""
    signing_token: str = ""
    ssl_verification: bool = True
    branch_filter: str | None = None
    branch_filter_strategy: str = "wildcard"
    recent_failures: int = 0
    backoff_count: int = 0
    disabled_until: float | None = None
    log: list[HookEvent] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Protection:
    """Least access levels for a protected branch; 0 is nobody."""

    id: int
    push: int = MAINTAINER
    merge: int = MAINTAINER
    allow_force_push: bool = False


@dataclass(frozen=True, slots=True)
class PushEvent:
    """One move of a branch or tag, as a project's activity keeps it; ``ref`` None: of many at once."""

    id: int
    ref: str | None
    ref_type: str
    before: str
    after: str
    commits: int
    title: str | None
    user: User
    refs: int = 1
    at: float = field(default_factory=time.time)


@dataclass(slots=True)
class Project:
    id: int
    namespace: Group | User
    path: str
    visibility: Visibility
    default_branch: str
    creator: User
    forked_from: Project | None = None
    network: int = 0
    members: dict[int, Member] = field(default_factory=dict)
    protected: dict[str, Protection] = field(default_factory=dict)
    only_if_pipeline_succeeds: bool = False
    skipped_pipeline_is_enough: bool = False
    archived: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    pipelines: dict[int, Pipeline] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    pushes: list[PushEvent] = field(default_factory=list)
    next_iid: int = 1
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)

    @property
    def full_path(self) -> str:
        """``path_with_namespace``."""
        space = self.namespace
        return f"{space.full_path if isinstance(space, Group) else space.username}/{self.path}"

    def head_of(self, branch: str) -> str | None:
        return self.refs.get(f"refs/heads/{branch}")

    @property
    def ancestors(self) -> list[Group]:
        """The groups it is in, the nearest first."""
        found: list[Group] = []
        group = self.namespace if isinstance(self.namespace, Group) else None
        while group is not None:
            found.append(group)
            group = group.parent
        return found


class World:
    """All records, with the look-ups that several modules need."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.projects: dict[int, Project] = {}
        self.paths: dict[str, Project] = {}
        self.moved: dict[str, Project] = {}
        self.tokens: dict[str, Token] = {}
        self.hooks: dict[int, Hook] = {}
        self._next = dict(FIRST_ID)

    def next_id(self, kind: str) -> int:
        number = self._next[kind]
        self._next[kind] = number + 1
        return number

    def user(self, username: str) -> User | None:
        return self.users.get(username.lower())

    def user_by_id(self, number: int) -> User | None:
        return next((one for one in self.users.values() if one.id == number), None)

    def group(self, full_path: str) -> Group | None:
        return self.groups.get(full_path.lower())

    def group_by_id(self, number: int) -> Group | None:
        return next((one for one in self.groups.values() if one.id == number), None)

    def project(self, full_path: str) -> Project | None:
        """By its path, or by one that it had before."""
        key = full_path.lower()
        return self.paths.get(key) or self.moved.get(key)

    def projects_of(self, group: Group) -> list[Project]:
        """Those of its subgroups as well."""
        return [one for one in self.projects.values() if group in one.ancestors]

    def merge_requests_from(self, project: Project, branch: str) -> Iterator[MergeRequest]:
        """Open ones, in this project or its network, whose source is that branch."""
        for other in list(self.projects.values()):
            if other.network != project.network:
                continue
            for mr in list(other.merge_requests.values()):
                if mr.state == "opened" and mr.source is project and mr.source_branch == branch:
                    yield mr
