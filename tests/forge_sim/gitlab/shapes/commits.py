"""Commits, files, differences, branches and tags: https://docs.gitlab.com/api/commits/, /repository_files/, /branches/."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ...gitobjects import Commit, Entry, FileChange
from ..state import Project
from .common import Shape, Urls


class CommitShape(Shape):
    """https://docs.gitlab.com/api/commits/#retrieve-a-commit."""

    id: str
    short_id: str
    created_at: str
    parent_ids: list[str]
    title: str
    message: str
    author_name: str
    author_email: str
    authored_date: str
    committer_name: str
    committer_email: str
    committed_date: str
    trailers: dict[str, str]
    extended_trailers: dict[str, list[str]]
    web_url: str


class CommitDetail(CommitShape):
    status: str | None
    project_id: int


def _commit(urls: Urls, project: Project, one: Commit) -> dict[str, Any]:
    return {
        "id": one.sha,
        "short_id": one.sha[:8],
        "created_at": one.committer.date,
        "parent_ids": list(one.parents),
        "title": title_of(one),
        "message": f"{one.message}\n",
        "author_name": one.author.name,
        "author_email": one.author.email,
        "authored_date": one.author.date,
        "committer_name": one.committer.name,
        "committer_email": one.committer.email,
        "committed_date": one.committer.date,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{urls.project(project)}/-/commit/{one.sha}",
    }


def title_of(one: Commit) -> str:
    return one.message.split("\n", 1)[0]


def commit_shape(urls: Urls, project: Project, one: Commit) -> CommitShape:
    return CommitShape(**_commit(urls, project, one))


def commit_detail(urls: Urls, project: Project, one: Commit, status: str | None) -> CommitDetail:
    """``status`` is that of the newest pipeline of the commit."""
    return CommitDetail(**_commit(urls, project, one), status=status, project_id=project.id)


class BranchShape(Shape):
    """https://docs.gitlab.com/api/branches/."""

    name: str
    merged: bool
    protected: bool
    default: bool
    developers_can_push: bool
    developers_can_merge: bool
    can_push: bool
    web_url: str
    commit: CommitShape


class TagShape(Shape):
    """https://docs.gitlab.com/api/tags/."""

    name: str
    message: str
    target: str
    protected: bool
    release: None
    created_at: str | None
    commit: CommitShape


class FileShape(Shape):
    """https://docs.gitlab.com/api/repository_files/#retrieve-a-file-from-a-repository."""

    file_name: str
    file_path: str
    size: int
    encoding: str
    content_sha256: str
    ref: str
    blob_id: str
    commit_id: str
    last_commit_id: str
    execute_filemode: bool
    content: str


def file_shape(path: str, ref: str, blob: str, commit: str, data: bytes) -> FileShape:
    return FileShape(
        file_name=path.rsplit("/", 1)[-1],
        file_path=path,
        size=len(data),
        encoding="base64",
        content_sha256=hashlib.sha256(data).hexdigest(),
        ref=ref,
        blob_id=blob,
        commit_id=commit,
        last_commit_id=commit,
        execute_filemode=False,
        content=base64.b64encode(data).decode(),
    )


class TreeEntry(Shape):
    """https://docs.gitlab.com/api/repositories/#list-repository-tree."""

    id: str
    name: str
    type: str
    path: str
    mode: str


_KIND = {"dir": "tree", "submodule": "commit"}


def tree_entry(folder: str, one: Entry) -> TreeEntry:
    path = f"{folder}/{one.name}" if folder else one.name
    kind = _KIND.get(one.type, "blob")
    return TreeEntry(id=one.sha, name=one.name, type=kind, path=path, mode=one.mode)


class DiffShape(Shape):
    """https://docs.gitlab.com/api/merge_requests/#list-merge-request-diffs."""

    old_path: str
    new_path: str
    a_mode: str
    b_mode: str
    diff: str
    collapsed: bool | None = None
    too_large: bool | None = None
    new_file: bool
    renamed_file: bool
    deleted_file: bool
    generated_file: bool | None


def diff_shape(one: FileChange) -> DiffShape:
    added, removed = one.status == "added", one.status == "removed"
    return DiffShape(
        old_path=one.previous or one.path,
        new_path=one.path,
        a_mode="0" if added else "100644",
        b_mode="0" if removed else "100644",
        diff=f"{one.patch}\n" if one.patch else "",
        collapsed=False,
        too_large=False,
        new_file=added,
        renamed_file=one.status == "renamed",
        deleted_file=removed,
        generated_file=False,
    )


class Comparison(Shape):
    """https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits."""

    commit: CommitShape | None
    commits: list[CommitShape]
    diffs: list[DiffShape]
    compare_timeout: bool
    compare_same_ref: bool
    web_url: str


class ProtectedBranch(Shape):
    """https://docs.gitlab.com/api/protected_branches/."""

    id: int
    name: str
    push_access_levels: list[dict[str, Any]]
    merge_access_levels: list[dict[str, Any]]
    allow_force_push: bool
    code_owner_approval_required: bool
