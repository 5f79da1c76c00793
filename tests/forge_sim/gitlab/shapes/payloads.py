"""What webhooks say: https://docs.gitlab.com/user/project/integrations/webhook_events/ (push, tag, comment, merge request)."""

from __future__ import annotations

from typing import Any

from ...gitobjects import Commit, FileChange
from ..state import VISIBILITY_LEVEL, Group, Json, MergeRequest, Note, Project, User
from .commits import title_of
from .common import Shape, Urls, hook_time, project_basic
from .merging import merge_status_of, web_url


class UserHook(Shape):
    """app/models/user.rb, ``hook_attrs``; the address is redacted where it is not public."""

    id: int
    name: str
    username: str
    avatar_url: str | None
    email: str


def user_hook(urls: Urls, user: User) -> UserHook:
    return UserHook(
        id=user.id, name=user.name, username=user.username, avatar_url=None, email="[REDACTED]"
    )


class ProjectHook(Shape):
    id: int
    name: str
    description: str | None
    web_url: str
    avatar_url: str | None
    git_ssh_url: str
    git_http_url: str
    namespace: str
    visibility_level: int
    path_with_namespace: str
    default_branch: str | None
    ci_config_path: str | None
    homepage: str
    url: str
    ssh_url: str
    http_url: str


def project_hook(urls: Urls, project: Project) -> ProjectHook:
    known = project_basic(urls, project)
    space = project.namespace
    return ProjectHook(
        id=project.id,
        name=known.name,
        description=None,
        web_url=known.web_url,
        avatar_url=None,
        git_ssh_url=known.ssh_url_to_repo,
        git_http_url=known.http_url_to_repo,
        namespace=space.path if isinstance(space, Group) else space.name,
        visibility_level=VISIBILITY_LEVEL[project.visibility],
        path_with_namespace=project.full_path,
        default_branch=project.default_branch,
        ci_config_path=None,
        homepage=known.web_url,
        url=known.ssh_url_to_repo,
        ssh_url=known.ssh_url_to_repo,
        http_url=known.http_url_to_repo,
    )


class RepositoryHook(Shape):
    """Deprecated, and still in every payload."""

    name: str
    url: str
    description: str | None
    homepage: str
    git_http_url: str | None = None
    git_ssh_url: str | None = None
    visibility_level: int | None = None


def repository_hook(urls: Urls, project: Project, *, full: bool) -> Json:
    known = project_hook(urls, project)
    more = ("git_http_url", "git_ssh_url", "visibility_level") if full else ()
    names = ("name", "url", "description", "homepage", *more)
    shape = RepositoryHook(**{name: getattr(known, name) for name in names})
    return shape.model_dump(exclude_unset=True)


class AuthorHook(Shape):
    name: str
    email: str


class CommitHook(Shape):
    id: str
    message: str
    title: str
    timestamp: str
    url: str
    author: AuthorHook
    added: list[str] | None = None
    modified: list[str] | None = None
    removed: list[str] | None = None


def commit_hook(
    urls: Urls, project: Project, one: Commit, changed: list[FileChange] | None = None
) -> Json:
    """``changed`` None: without the lists of files, as in a merge request's last commit."""
    files = {} if changed is None else _files(changed)
    shape = CommitHook(
        id=one.sha,
        message=f"{one.message}\n",
        title=title_of(one),
        timestamp=one.author.date,
        url=f"{urls.project(project)}/-/commit/{one.sha}",
        author=AuthorHook(name=one.author.name, email="[REDACTED]"),
        **files,
    )
    return shape.model_dump(exclude_unset=True)


def _files(changed: list[FileChange]) -> dict[str, Any]:
    """A rename is a removal and an addition here."""
    added = [one.path for one in changed if one.status in ("added", "renamed", "copied")]
    removed = [one.path for one in changed if one.status == "removed"]
    removed += [one.previous for one in changed if one.status == "renamed" and one.previous]
    modified = [one.path for one in changed if one.status in ("modified", "changed")]
    return {"added": added, "modified": modified, "removed": removed}


class PushHook(Shape):
    """Pushes and tags: lib/gitlab/data_builder/push.rb."""

    object_kind: str
    event_name: str
    before: str
    after: str
    ref: str
    ref_protected: bool
    checkout_sha: str | None
    message: str | None
    user_id: int
    user_name: str
    user_username: str
    user_email: str | None
    user_avatar: str | None
    project_id: int
    project: ProjectHook
    commits: list[Json]
    total_commits_count: int
    push_options: dict[str, str]
    repository: Json


class MergeRequestAttributes(Shape):
    """``object_attributes`` of a merge request's event, and ``merge_request`` of a note's."""

    assignee_id: int | None
    author_id: int
    created_at: str
    description: str | None
    draft: bool
    head_pipeline_id: int | None
    id: int
    iid: int
    last_edited_at: str | None
    last_edited_by_id: int | None
    merge_commit_sha: str | None
    merge_error: str | None
    merge_params: dict[str, str]
    merge_status: str
    merge_user_id: int | None
    merge_when_pipeline_succeeds: bool
    milestone_id: int | None
    source_branch: str
    source_project_id: int | None
    state_id: int
    target_branch: str
    target_project_id: int
    time_estimate: int
    title: str
    updated_at: str
    updated_by_id: int | None
    prepared_at: str
    assignee_ids: list[int]
    blocking_discussions_resolved: bool
    detailed_merge_status: str
    first_contribution: bool
    human_time_change: str | None
    human_time_estimate: str | None
    human_total_time_spent: str | None
    labels: list[Json]
    last_commit: Json | None
    reviewer_ids: list[int]
    source: ProjectHook | None
    state: str
    target: ProjectHook
    time_change: int
    total_time_spent: int
    url: str
    work_in_progress: bool
    approval_rules: list[Json]
    action: str | None = None
    oldrev: str | None = None


_STATE_ID = {"opened": 1, "closed": 2, "merged": 3, "locked": 4}


def merge_request_attributes(
    urls: Urls,
    mr: MergeRequest,
    last: Commit | None,
    pipeline: int | None,
    status: str,
    **more: Any,
) -> MergeRequestAttributes:
    source = None if mr.source is None else project_hook(urls, mr.source)
    return MergeRequestAttributes(
        assignee_id=None,
        author_id=mr.author.id,
        created_at=hook_time(mr.created_at),
        description=mr.description,
        draft=mr.draft,
        head_pipeline_id=pipeline,
        id=mr.id,
        iid=mr.iid,
        last_edited_at=None,
        last_edited_by_id=None,
        merge_commit_sha=mr.merge_sha,
        merge_error=None,
        merge_params={},
        merge_status=merge_status_of(status),
        merge_user_id=mr.merged_by.id if mr.merged_by else None,
        merge_when_pipeline_succeeds=mr.auto_merge_by is not None,
        milestone_id=None,
        source_branch=mr.source_branch,
        source_project_id=mr.source.id if mr.source else None,
        state_id=_STATE_ID[mr.state],
        target_branch=mr.target_branch,
        target_project_id=mr.target.id,
        time_estimate=0,
        title=mr.title,
        updated_at=hook_time(mr.updated_at),
        updated_by_id=None,
        prepared_at=hook_time(mr.created_at),
        assignee_ids=[],
        blocking_discussions_resolved=True,
        detailed_merge_status=status,
        first_contribution=False,
        human_time_change=None,
        human_time_estimate=None,
        human_total_time_spent=None,
        labels=labels_hook(mr),
        last_commit=None if last is None else commit_hook(urls, mr.target, last),
        reviewer_ids=[],
        source=source,
        state=mr.state,
        target=project_hook(urls, mr.target),
        time_change=0,
        total_time_spent=0,
        url=web_url(urls, mr),
        work_in_progress=mr.draft,
        approval_rules=[],
        **more,
    )


def labels_hook(mr: MergeRequest) -> list[Json]:
    return [
        {
            "id": 90_000 + number,
            "title": name,
            "color": "#428bca",
            "project_id": mr.target.id,
            "created_at": hook_time(mr.created_at),
            "updated_at": hook_time(mr.created_at),
            "template": False,
            "description": None,
            "type": "ProjectLabel",
            "group_id": None,
        }
        for number, name in enumerate(mr.labels)
    ]


class MergeRequestHook(Shape):
    """lib/gitlab/data_builder/issuable.rb."""

    object_kind: str
    event_type: str
    user: UserHook
    project: ProjectHook
    object_attributes: Json
    labels: list[Json]
    changes: Json
    repository: Json


class NoteAttributes(Shape):
    """app/models/note.rb, ``hook_attrs``."""

    attachment: str | None
    author_id: int
    change_position: None
    commit_id: str | None
    created_at: str
    discussion_id: str
    id: int
    line_code: str | None
    note: str
    noteable_id: int
    noteable_type: str
    original_position: None
    position: None
    project_id: int
    resolved_at: str | None
    resolved_by_id: int | None
    resolved_by_push: bool | None
    st_diff: None
    system: bool
    type: str | None
    updated_at: str
    updated_by_id: int | None
    internal: bool
    description: str
    url: str
    action: str


def note_attributes(urls: Urls, note: Note, action: str) -> NoteAttributes:
    return NoteAttributes(
        attachment=None,
        author_id=note.author.id,
        change_position=None,
        commit_id=None,
        created_at=hook_time(note.created_at),
        discussion_id=note.discussion,
        id=note.id,
        line_code=None,
        note=note.body,
        noteable_id=note.mr.id,
        noteable_type="MergeRequest",
        original_position=None,
        position=None,
        project_id=note.mr.target.id,
        resolved_at=None,
        resolved_by_id=None,
        resolved_by_push=None,
        st_diff=None,
        system=note.system,
        type="DiscussionNote" if note.discussion.startswith("d") else None,
        updated_at=hook_time(note.updated_at),
        updated_by_id=None,
        internal=note.internal,
        description=note.body,
        url=f"{web_url(urls, note.mr)}#note_{note.id}",
        action=action,
    )


class NoteHook(Shape):
    """lib/gitlab/data_builder/note.rb."""

    object_kind: str
    event_type: str
    user: UserHook
    project_id: int
    project: ProjectHook
    object_attributes: NoteAttributes
    repository: Json
    merge_request: Json
