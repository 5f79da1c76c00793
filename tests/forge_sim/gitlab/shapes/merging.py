"""Merge requests, notes, emoji: https://docs.gitlab.com/api/merge_requests/, /notes/, /emoji_reactions/."""

from __future__ import annotations

from typing import Any

from ..state import Emoji, MergeRequest, Note, Version
from .commits import CommitShape, DiffShape
from .common import Shape, Urls, UserBasic, iso, iso_or_none, user_basic
from .pipelines import PipelineBasic


class References(Shape):
    short: str
    relative: str
    full: str


class MergeRequestBasic(Shape):
    """https://docs.gitlab.com/api/merge_requests/#list-merge-requests."""

    id: int
    iid: int
    project_id: int
    title: str
    description: str | None
    state: str
    created_at: str
    updated_at: str
    merged_by: UserBasic | None
    merge_user: UserBasic | None
    merged_at: str | None
    closed_by: UserBasic | None
    closed_at: str | None
    target_branch: str
    source_branch: str
    user_notes_count: int
    upvotes: int
    downvotes: int
    author: UserBasic
    assignees: list[UserBasic]
    assignee: UserBasic | None
    reviewers: list[UserBasic]
    source_project_id: int | None
    target_project_id: int
    labels: list[str]
    draft: bool
    imported: bool
    imported_from: str
    work_in_progress: bool
    milestone: None
    merge_when_pipeline_succeeds: bool
    merge_status: str
    detailed_merge_status: str
    merge_after: None
    sha: str | None
    merge_commit_sha: str | None
    squash_commit_sha: str | None
    discussion_locked: bool | None
    should_remove_source_branch: bool | None
    force_remove_source_branch: bool
    prepared_at: str | None
    reference: str
    references: References
    web_url: str
    squash: bool
    squash_on_merge: bool
    has_conflicts: bool
    blocking_discussions_resolved: bool


class DiffRefs(Shape):
    base_sha: str
    head_sha: str
    start_sha: str


class MergeRequestFull(MergeRequestBasic):
    """https://docs.gitlab.com/api/merge_requests/#retrieve-a-merge-request."""

    subscribed: bool
    changes_count: str | None
    latest_build_started_at: str | None
    latest_build_finished_at: str | None
    first_deployed_to_production_at: str | None
    pipeline: PipelineBasic | None
    head_pipeline: PipelineBasic | None
    diff_refs: DiffRefs | None
    merge_error: str | None
    first_contribution: bool
    user: dict[str, bool]
    changes: list[DiffShape] | None = None
    overflow: bool | None = None


def merge_request_basic(urls: Urls, mr: MergeRequest, status: str) -> MergeRequestBasic:
    return MergeRequestBasic(**basic_fields(urls, mr, status))


def basic_fields(urls: Urls, mr: MergeRequest, status: str) -> dict[str, Any]:
    """``status`` is the detailed merge status, in the documentation's words."""
    merged = user_basic(urls, mr.merged_by) if mr.merged_by else None
    full = f"{mr.target.full_path}!{mr.iid}"
    return {
        "id": mr.id,
        "iid": mr.iid,
        "project_id": mr.target.id,
        "title": mr.title,
        "description": mr.description,
        "state": mr.state,
        "created_at": iso(mr.created_at),
        "updated_at": iso(mr.updated_at),
        "merged_by": merged,
        "merge_user": merged,
        "merged_at": iso_or_none(mr.merged_at),
        "closed_by": user_basic(urls, mr.closed_by) if mr.closed_by else None,
        "closed_at": iso_or_none(mr.closed_at),
        "target_branch": mr.target_branch,
        "source_branch": mr.source_branch,
        "user_notes_count": sum(1 for n in mr.target.notes.values() if n.mr is mr and not n.system),
        "upvotes": sum(1 for e in mr.emojis if e.name == "thumbsup"),
        "downvotes": sum(1 for e in mr.emojis if e.name == "thumbsdown"),
        "author": user_basic(urls, mr.author),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": mr.source.id if mr.source else None,
        "target_project_id": mr.target.id,
        "labels": list(mr.labels),
        "draft": mr.draft,
        "imported": False,
        "imported_from": "none",
        "work_in_progress": mr.draft,
        "milestone": None,
        "merge_when_pipeline_succeeds": mr.auto_merge_by is not None,
        "merge_status": merge_status_of(status),
        "detailed_merge_status": status,
        "merge_after": None,
        "sha": mr.sha,
        "merge_commit_sha": mr.merge_sha,
        "squash_commit_sha": None,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": False,
        "prepared_at": iso(mr.created_at),
        "reference": f"!{mr.iid}",
        "references": References(short=f"!{mr.iid}", relative=f"!{mr.iid}", full=full),
        "web_url": web_url(urls, mr),
        "squash": False,
        "squash_on_merge": False,
        "has_conflicts": status == "conflict",
        "blocking_discussions_resolved": True,
    }


def merge_status_of(detailed: str) -> str:
    """The deprecated field: whether the branches can be merged at all."""
    return "cannot_be_merged" if detailed in ("conflict", "broken_status") else "can_be_merged"


def web_url(urls: Urls, mr: MergeRequest) -> str:
    return f"{urls.project(mr.target)}/-/merge_requests/{mr.iid}"


class VersionShape(Shape):
    """https://docs.gitlab.com/api/merge_requests/#list-merge-request-diff-versions."""

    id: int
    head_commit_sha: str
    base_commit_sha: str
    start_commit_sha: str
    created_at: str
    merge_request_id: int
    state: str
    real_size: str
    patch_id_sha: str | None


class VersionFull(VersionShape):
    commits: list[CommitShape]
    diffs: list[DiffShape]


def version_fields(mr: MergeRequest, version: Version, files: int) -> dict[str, Any]:
    return {
        "id": version.id,
        "head_commit_sha": version.head,
        "base_commit_sha": version.base,
        "start_commit_sha": version.start,
        "created_at": iso(version.created_at),
        "merge_request_id": mr.id,
        "state": "collected",
        "real_size": str(files),
        "patch_id_sha": None,
    }


class NoteShape(Shape):
    """https://docs.gitlab.com/api/notes/#merge-requests."""

    id: int
    type: str | None
    body: str
    author: UserBasic
    created_at: str
    updated_at: str
    system: bool
    noteable_id: int
    noteable_type: str
    project_id: int
    noteable_iid: int
    resolvable: bool
    confidential: bool
    internal: bool
    imported: bool
    imported_from: str
    commands_changes: dict[str, Any]


def note_shape(urls: Urls, note: Note) -> NoteShape:
    return NoteShape(
        id=note.id,
        type="DiscussionNote" if note.discussion.startswith("d") else None,
        body=note.body,
        author=user_basic(urls, note.author),
        created_at=iso(note.created_at),
        updated_at=iso(note.updated_at),
        system=note.system,
        noteable_id=note.mr.id,
        noteable_type="MergeRequest",
        project_id=note.mr.target.id,
        noteable_iid=note.mr.iid,
        resolvable=False,
        confidential=note.internal,
        internal=note.internal,
        imported=False,
        imported_from="none",
        commands_changes={},
    )


class DiscussionShape(Shape):
    """https://docs.gitlab.com/api/discussions/#list-all-merge-request-discussion-items."""

    id: str
    individual_note: bool
    notes: list[NoteShape]


class EmojiShape(Shape):
    """https://docs.gitlab.com/api/emoji_reactions/."""

    id: int
    name: str
    user: UserBasic
    created_at: str
    updated_at: str
    awardable_id: int
    awardable_type: str
    url: str | None


def emoji_shape(urls: Urls, emoji: Emoji, owner: Note | MergeRequest) -> EmojiShape:
    return EmojiShape(
        id=emoji.id,
        name=emoji.name,
        user=user_basic(urls, emoji.user),
        created_at=iso(emoji.created_at),
        updated_at=iso(emoji.created_at),
        awardable_id=owner.id,
        awardable_type="Note" if isinstance(owner, Note) else "MergeRequest",
        url=None,
    )
