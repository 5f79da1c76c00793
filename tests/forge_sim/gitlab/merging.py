"""The life of a merge request: opened, followed, changed, closed, merged; what stands in its way; its hooks."""

from __future__ import annotations

import time
from typing import Any

from ..git import NULL_SHA
from ..gitwrite import commit_tree
from . import pipelines
from .access import level_of, may_update
from .errors import ApiError, invalid, not_found
from .shapes.payloads import (
    MergeRequestHook,
    labels_hook,
    merge_request_attributes,
    project_hook,
    repository_hook,
    user_hook,
)
from .sim import Sim
from .state import DEVELOPER, Json, MergeRequest, Project, User, Version


async def tell(
    sim: Sim, mr: MergeRequest, action: str, by: User, changes: Json | None = None, **more: Any
) -> None:
    """A hook of the *target* project; ``oldrev`` is there only where code was pushed."""
    data = await hook_of(sim, mr, by, changes, action=action, **more)
    sim.hooks.emit("merge_request_hooks", mr.target, data)


async def hook_of(
    sim: Sim, mr: MergeRequest, by: User, changes: Json | None = None, **more: Any
) -> Json:
    """Without an ``action`` it is the sample that a test of a hook sends."""
    project = mr.target
    status = await detailed_status(sim, mr)
    attributes = await attributes_of(sim, mr, status, **more)
    shape = MergeRequestHook(
        object_kind="merge_request",
        event_type="merge_request",
        user=user_hook(sim.urls, by),
        project=project_hook(sim.urls, project),
        object_attributes=attributes,
        labels=labels_hook(mr),
        changes=changes or {},
        repository=repository_hook(sim.urls, project, full=False),
    )
    found: Json = shape.model_dump(mode="json")
    return found


async def attributes_of(sim: Sim, mr: MergeRequest, status: str, **more: Any) -> Json:
    last = await sim.git.commit(mr.target.id, mr.sha)
    pipeline = pipelines.head_pipeline(mr)
    number = pipeline.id if pipeline is not None else None
    shape = merge_request_attributes(sim.urls, mr, last, number, status, **more)
    return shape.model_dump(mode="json", exclude_unset=True)


async def open_mr(
    sim: Sim,
    source: Project,
    target: Project,
    author: User,
    *,
    source_branch: str,
    target_branch: str,
    title: str,
    description: str,
    labels: list[str],
) -> MergeRequest:
    """Raises as GitLab does for missing branches (400) and a second one of the same (409)."""
    head, base = source.head_of(source_branch), target.head_of(target_branch)
    if head is None:
        raise invalid("source_branch", "does not exist")
    if base is None:
        raise invalid("target_branch", "does not exist")
    for other in sim.world.merge_requests_from(source, source_branch):
        if other.target is target and other.target_branch == target_branch:
            words = f"Another open merge request already exists for this source branch: !{other.iid}"
            raise ApiError(409, {"message": [words]})
    mr = MergeRequest(
        id=sim.world.next_id("merge_request"),
        iid=target.next_iid,
        title=title,
        description=description,
        author=author,
        source=source,
        source_branch=source_branch,
        target=target,
        target_branch=target_branch,
        sha=head,
        labels=labels,
    )
    target.next_iid += 1
    target.merge_requests[mr.iid] = mr
    await _new_version(sim, mr)
    await tell(sim, mr, "open", author)
    return mr


async def _new_version(sim: Sim, mr: MergeRequest) -> None:
    """Brings the head to the target project, under the ref that everybody who may read can fetch."""
    assert mr.source is not None
    ref, target = f"refs/merge-requests/{mr.iid}/head", mr.target
    if mr.source is target:
        await sim.git.update_ref(target.id, ref, mr.sha)
    else:
        await sim.git.fetch_from(target.id, mr.source.id, mr.sha, ref)
    start = target.head_of(mr.target_branch) or mr.sha
    base = await sim.git.merge_base(target.id, start, mr.sha) or start
    number = sim.world.next_id("version")
    mr.versions.append(Version(number, mr.sha, base, start, time.time()))
    await make_merge_ref(sim, mr)


async def make_merge_ref(sim: Sim, mr: MergeRequest) -> str | None:
    """``refs/merge-requests/N/merge``: the result of merging, for those who test it; None in conflict."""
    base, ref = mr.target.head_of(mr.target_branch), f"refs/merge-requests/{mr.iid}/merge"
    tree = await sim.git.merge_tree(mr.target.id, base, mr.sha) if base else None
    if tree is None or base is None:
        await sim.git.delete_ref(mr.target.id, ref)
        return None
    message = f"Merge branch '{mr.source_branch}' into '{mr.target_branch}'\n\n{mr.title}"
    sha = await commit_tree(sim.git, mr.target.id, tree, [base, mr.sha], message, mr.author)
    await sim.git.update_ref(mr.target.id, ref, sha)
    return sha


async def follow(sim: Sim, project: Project, branch: str, old: str, new: str, pusher: User) -> None:
    """A branch moved (app/services/merge_requests/refresh_service.rb): those from it move on, those
    into it may be merged by it. That their target moved is told to nobody."""
    for mr in list(project.merge_requests.values()):
        if mr.target_branch == branch and mr.state == "opened" and new != NULL_SHA:
            await _target_moved(sim, mr, new, pusher)
    for mr in list(sim.world.merge_requests_from(project, branch)):
        if new == NULL_SHA:
            await close(sim, mr, pusher)
            continue
        mr.sha, mr.updated_at = new, time.time()
        mr.auto_merge_by = None if mr.auto_merge_by and old != new else mr.auto_merge_by
        await _new_version(sim, mr)
        await tell(sim, mr, "update", pusher, oldrev=old)


async def _target_moved(sim: Sim, mr: MergeRequest, new: str, pusher: User) -> None:
    if await sim.git.is_ancestor(mr.target.id, mr.sha, new):
        await mark_merged(sim, mr, new, pusher)
    else:
        await make_merge_ref(sim, mr)


async def close(sim: Sim, mr: MergeRequest, by: User) -> None:
    mr.state, mr.closed_by = "closed", by
    mr.closed_at = mr.updated_at = time.time()
    changes = _changed("state_id", 1, 2)
    await tell(sim, mr, "close", by, changes)


async def reopen(sim: Sim, mr: MergeRequest, by: User) -> None:
    head = mr.source.head_of(mr.source_branch) if mr.source is not None else None
    if head is None or mr.state != "closed":
        raise invalid("base", "The source branch does not exist", status=422)
    moved = head != mr.sha
    mr.state, mr.closed_by, mr.closed_at, mr.updated_at = "opened", None, None, time.time()
    mr.sha = head
    if moved:
        await _new_version(sim, mr)
    await tell(sim, mr, "reopen", by, _changed("state_id", 2, 1))


async def change(sim: Sim, mr: MergeRequest, by: User, fields: Json) -> None:
    """title, description, target_branch, labels: one ``update`` that tells what they were."""
    changes: Json = {}
    was_draft = mr.draft
    for name in ("title", "description", "target_branch", "labels"):
        if name in fields and fields[name] != getattr(mr, name):
            changes |= _changed(name, getattr(mr, name), fields[name])
            setattr(mr, name, fields[name])
    if mr.draft != was_draft:
        changes |= _changed("draft", was_draft, mr.draft)
    if not changes:
        return
    if "target_branch" in changes:
        if mr.target.head_of(mr.target_branch) is None:
            raise invalid("target_branch", "does not exist", status=422)
        await _new_version(sim, mr)
    mr.updated_at = time.time()
    await tell(sim, mr, "update", by, changes)


def _changed(name: str, before: Any, after: Any) -> Json:
    return {name: {"previous": before, "current": after}}


async def detailed_status(sim: Sim, mr: MergeRequest) -> str:
    """Why it cannot be merged, or "mergeable": https://docs.gitlab.com/api/merge_requests/#merge-status.

    The order is that of app/services/merge_requests/mergeability/detailed_merge_status_service.rb.
    """
    if mr.state != "opened":
        return "not_open"
    if mr.draft:
        return "draft_status"
    base = mr.target.head_of(mr.target_branch)
    if base is None or mr.source is None or mr.source.head_of(mr.source_branch) is None:
        return "broken_status"
    if await sim.git.merge_tree(mr.target.id, base, mr.sha) is None:
        return "conflict"
    return _ci_status(mr)


def _ci_status(mr: MergeRequest) -> str:
    """app/services/merge_requests/mergeability/check_ci_status_service.rb: no pipeline is no success."""
    if not mr.target.only_if_pipeline_succeeds and mr.auto_merge_by is None:
        return "mergeable"
    pipeline = pipelines.head_pipeline(mr)
    status = pipelines.status_of(pipeline) if pipeline is not None else None
    if status == "success" or (status == "skipped" and mr.target.skipped_pipeline_is_enough):
        return "mergeable"
    return "ci_still_running" if status in ("created", "pending", "running") else "ci_must_pass"


async def merge(
    sim: Sim, mr: MergeRequest, by: User, *, sha: str | None = None, message: str | None = None
) -> None:
    """https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request: 401, 405, 409 or 422."""
    if level_of(by, mr.target) < DEVELOPER or not may_update(by, mr.target, mr.target_branch):
        raise ApiError(401, "401 Unauthorized")
    status = await detailed_status(sim, mr)
    if status == "conflict":
        raise ApiError(422, "Branch cannot be merged")
    if status != "mergeable":
        raise ApiError(405, "405 Method Not Allowed")
    if sha not in (None, mr.sha):
        raise ApiError(409, f"SHA does not match HEAD of source branch: {mr.sha}")
    made = await make_merge_ref(sim, mr)
    base = mr.target.head_of(mr.target_branch)
    assert made is not None
    assert base is not None
    if message is not None:
        tree = await sim.git.merge_tree(mr.target.id, base, mr.sha)
        assert tree is not None
        made = await commit_tree(sim.git, mr.target.id, tree, [base, mr.sha], message, by)
    await sim.git.update_ref(mr.target.id, f"refs/heads/{mr.target_branch}", made)
    await mark_merged(sim, mr, made, by)


async def mark_merged(sim: Sim, mr: MergeRequest, sha: str, by: User) -> None:
    mr.state, mr.merged_by, mr.merge_sha = "merged", by, sha
    mr.merged_at = mr.updated_at = time.time()
    await tell(sim, mr, "merge", by, _changed("state_id", 1, 3))


async def approve(sim: Sim, mr: MergeRequest, by: User, sha: str | None) -> None:
    """https://docs.gitlab.com/api/merge_request_approvals/#approve-merge-request."""
    if sha not in (None, mr.sha):
        raise ApiError(409, "SHA does not match HEAD of source branch")
    if by in mr.approved_by:
        raise ApiError(401, "401 Unauthorized")
    mr.approved_by.append(by)
    await tell(sim, mr, "approved", by)


async def unapprove(sim: Sim, mr: MergeRequest, by: User) -> None:
    if by not in mr.approved_by:
        raise not_found()
    mr.approved_by.remove(by)
    await tell(sim, mr, "unapproved", by)
