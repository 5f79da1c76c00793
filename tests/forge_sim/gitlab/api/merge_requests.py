"""Merge requests: https://docs.gitlab.com/api/merge_requests/, /merge_request_approvals/."""

from __future__ import annotations

from typing import Any, Literal

from ...gitobjects import FileChange
from .. import merging, pipelines, pushes
from ..access import level_of, may_see
from ..errors import ApiError, forbidden, not_found, unauthorized
from ..exchange import Call, Paged, Params, Reply, Route
from ..shapes.commits import commit_shape, diff_shape
from ..shapes.common import Shape
from ..shapes.merging import (
    DiffRefs,
    MergeRequestBasic,
    MergeRequestFull,
    VersionFull,
    VersionShape,
    basic_fields,
    merge_request_basic,
    version_fields,
)
from ..shapes.pipelines import pipeline_basic
from ..state import DEVELOPER, NO_ACCESS, REPORTER, MergeRequest, Project, Version


class MergeRequests(Paged):
    state: Literal["opened", "closed", "locked", "merged", "all"] = "all"
    source_branch: str | None = None
    target_branch: str | None = None
    source_project_id: int | None = None
    iids: str | None = None
    author_id: int | None = None
    labels: str | None = None
    wip: str | None = None
    search: str | None = None
    scope: str | None = None
    order_by: str = "created_at"
    sort: Literal["asc", "desc"] = "desc"
    updated_after: str | None = None
    created_after: str | None = None
    view: str | None = None
    with_merge_status_recheck: bool = False


async def _list(call: Call) -> Reply:
    return await _listed(call, [call.project])


async def _group_list(call: Call) -> Reply:
    known = call.sim.world.projects_of(call.group)
    return await _listed(call, [one for one in known if may_see(call.caller.user, one)])


async def _listed(call: Call, projects: list[Project]) -> Reply:
    wanted = call.params(MergeRequests)
    found = [mr for one in projects for mr in one.merge_requests.values() if _fits(mr, wanted)]
    key = "updated_at" if wanted.order_by == "updated_at" else "id"
    found.sort(key=lambda mr: getattr(mr, key), reverse=wanted.sort == "desc")
    items, headers = call.page(found)
    return Reply(body=[await _basic(call, mr) for mr in items], headers=headers)


def _fits(mr: MergeRequest, wanted: MergeRequests) -> bool:
    source = mr.source.id if mr.source else None
    return (
        bool(mr.versions)  # before, it is only being prepared
        and wanted.state in ("all", mr.state)
        and wanted.source_branch in (None, mr.source_branch)
        and wanted.target_branch in (None, mr.target_branch)
        and wanted.source_project_id in (None, source)
        and wanted.author_id in (None, mr.author.id)
    )


async def _basic(call: Call, mr: MergeRequest) -> MergeRequestBasic:
    status = await merging.detailed_status(call.sim, mr)
    return merge_request_basic(call.sim.urls, mr, status)


async def _full(call: Call, mr: MergeRequest, **more: Any) -> MergeRequestFull:
    sim, urls = call.sim, call.sim.urls
    pipeline = pipelines.head_pipeline(mr)
    state = None if pipeline is None else pipeline_basic(urls, pipeline, pipelines.status_of(pipeline))
    newest = mr.versions[-1]
    return MergeRequestFull(
        **basic_fields(urls, mr, await merging.detailed_status(sim, mr)),
        subscribed=False,
        changes_count=await _count(call, mr, newest),
        latest_build_started_at=None,
        latest_build_finished_at=None,
        first_deployed_to_production_at=None,
        pipeline=state,
        head_pipeline=state,
        diff_refs=DiffRefs(base_sha=newest.base, head_sha=newest.head, start_sha=newest.start),
        merge_error=None,
        first_contribution=False,
        user={"can_merge": level_of(call.caller.user, mr.target) >= DEVELOPER},
        **more,
    )


async def _changed(call: Call, mr: MergeRequest, version: Version) -> list[FileChange]:
    """As many as are kept of it."""
    found = await call.sim.git.diff(mr.target.id, version.base, version.head)
    return found[: call.sim.limits.limits.diff_files]


async def _count(call: Call, mr: MergeRequest, version: Version) -> str:
    """``1000+`` where there are more than are kept."""
    found = await call.sim.git.diff(mr.target.id, version.base, version.head)
    most = call.sim.limits.limits.diff_files
    return f"{most}+" if len(found) > most else str(len(found))


class OneMergeRequest(Params):
    include_diverged_commits_count: bool = False
    include_rebase_in_progress: bool = False
    render_html: bool = False


async def _one(call: Call) -> Reply:
    return Reply(body=await _full(call, call.mr))


class NewMergeRequest(Params):
    source_branch: str
    target_branch: str
    title: str
    description: str | None = None
    target_project_id: int | None = None
    labels: str | None = None
    remove_source_branch: bool = False
    squash: bool = False
    assignee_id: int | None = None


async def _open(call: Call) -> Reply:
    """By whoever may push to the source project and see the target one."""
    wanted, source, user = call.params(NewMergeRequest), call.project, call.user
    target = source
    if wanted.target_project_id is not None:
        target = call.sim.world.projects.get(wanted.target_project_id) or source
        if not may_see(user, target) or target.network != source.network:
            raise not_found("Project")
    if level_of(user, source) < DEVELOPER:
        raise forbidden()
    async with call.sim.lock(target):
        mr = await merging.open_mr(
            call.sim,
            source,
            target,
            user,
            source_branch=wanted.source_branch,
            target_branch=wanted.target_branch,
            title=wanted.title,
            description=wanted.description or "",
            labels=_labels(wanted.labels),
        )
    return Reply(201, await _full(call, mr), made=mr.iid)


def _labels(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


class ChangedMergeRequest(Params):
    title: str | None = None
    description: str | None = None
    target_branch: str | None = None
    state_event: Literal["close", "reopen"] | None = None
    labels: str | None = None
    add_labels: str | None = None
    remove_labels: str | None = None


async def _change(call: Call) -> Reply:
    wanted, mr, user = call.params(ChangedMergeRequest), call.mr, call.user
    if level_of(user, mr.target) < REPORTER and user is not mr.author:
        raise forbidden()
    fields = {n: getattr(wanted, n) for n in ("title", "description", "target_branch")}
    fields = {name: value for name, value in fields.items() if value is not None}
    labels = _changed_labels(mr, wanted)
    async with call.sim.lock(mr.target):
        await merging.change(call.sim, mr, user, {**fields, "labels": labels})
        if wanted.state_event == "close" and mr.state == "opened":
            await merging.close(call.sim, mr, user)
        elif wanted.state_event == "reopen":
            await merging.reopen(call.sim, mr, user)
    return Reply(body=await _full(call, mr))


def _changed_labels(mr: MergeRequest, wanted: ChangedMergeRequest) -> list[str]:
    if wanted.labels is not None:
        return _labels(wanted.labels)
    gone = _labels(wanted.remove_labels)
    return list(dict.fromkeys([n for n in mr.labels if n not in gone] + _labels(wanted.add_labels)))


class Merge(Params):
    sha: str | None = None
    merge_commit_message: str | None = None
    squash: bool = False
    should_remove_source_branch: bool = False
    auto_merge: bool = False
    merge_when_pipeline_succeeds: bool = False


async def _merge(call: Call) -> Reply:
    wanted, mr, user = call.params(Merge), call.mr, call.user
    async with call.sim.lock(mr.target):
        waits = await merging.detailed_status(call.sim, mr) == "ci_still_running"
        if waits and (wanted.auto_merge or wanted.merge_when_pipeline_succeeds):
            if level_of(user, mr.target) < DEVELOPER:
                raise unauthorized()
            mr.auto_merge_by = user
        else:
            await merging.merge(call.sim, mr, user, sha=wanted.sha, message=wanted.merge_commit_message)
            await pushes.settle(call.sim, mr.target, user)
    return Reply(body=await _full(call, mr))


async def _commits(call: Call) -> Reply:
    """Newest first."""
    mr = call.mr
    newest = mr.versions[-1]
    shas = await call.sim.git.list_commits(mr.target.id, newest.head, f"^{newest.base}")
    items, headers = call.page(shas)
    found = [await call.sim.git.commit(mr.target.id, sha) for sha in items]
    shapes = [commit_shape(call.sim.urls, mr.target, one) for one in found if one is not None]
    return Reply(body=shapes, headers=headers)


class Diffs(Paged):
    unidiff: bool = False


async def _diffs(call: Call) -> Reply:
    """https://docs.gitlab.com/api/merge_requests/#list-merge-request-diffs."""
    mr = call.mr
    items, headers = call.page(await _changed(call, mr, mr.versions[-1]))
    return Reply(body=[diff_shape(one) for one in items], headers=headers)


class Changes(Params):
    access_raw_diffs: bool = False
    unidiff: bool = False


async def _changes(call: Call) -> Reply:
    """Deprecated in GitLab 15.7, and bounded: ``overflow`` says that there is more."""
    mr = call.mr
    changed = await _changed(call, mr, mr.versions[-1])
    shapes = [diff_shape(one) for one in changed]
    return Reply(body=await _full(call, mr, changes=shapes, overflow=False))


async def _versions(call: Call) -> Reply:
    mr = call.mr
    items, headers = call.page(mr.versions[::-1])
    shapes = [
        VersionShape(**version_fields(mr, one, len(await _changed(call, mr, one)))) for one in items
    ]
    return Reply(body=shapes, headers=headers)


async def _version(call: Call) -> Reply:
    mr, number = call.mr, call.number("version_id")
    found = next((one for one in mr.versions if one.id == number), None)
    if found is None:
        raise not_found("Version")
    changed = await _changed(call, mr, found)
    shas = await call.sim.git.list_commits(mr.target.id, found.head, f"^{found.base}")
    commits = [await call.sim.git.commit(mr.target.id, sha) for sha in shas]
    body = VersionFull(
        **version_fields(mr, found, len(changed)),
        commits=[commit_shape(call.sim.urls, mr.target, one) for one in commits if one is not None],
        diffs=[diff_shape(one) for one in changed],
    )
    return Reply(body=body)


async def _pipelines(call: Call) -> Reply:
    items, headers = call.page(pipelines.pipelines_of(call.mr))
    shapes = [pipeline_basic(call.sim.urls, one, pipelines.status_of(one)) for one in items]
    return Reply(body=shapes, headers=headers)


async def _of_commit(call: Call) -> Reply:
    """https://docs.gitlab.com/api/commits/#list-merge-requests-associated-with-a-commit."""
    sha, wanted = call.args["sha"], call.params(MergeRequests)
    if await call.sim.git.commit(call.project.id, sha) is None:
        raise not_found("Commit")
    known = call.project.merge_requests.values()
    found = [mr for mr in known if _fits(mr, wanted) and await _holds(call, mr, sha)]
    items, headers = call.page(found)
    return Reply(body=[await _basic(call, mr) for mr in items], headers=headers)


async def _holds(call: Call, mr: MergeRequest, sha: str) -> bool:
    newest = mr.versions[-1]
    shas = await call.sim.git.list_commits(mr.target.id, newest.head, f"^{newest.base}")
    return sha in shas


class MergeRef(Shape):
    commit_id: str


async def _merge_ref(call: Call) -> Reply:
    """https://docs.gitlab.com/api/merge_requests/#merge-to-default-merge-ref-path."""
    made = await merging.make_merge_ref(call.sim, call.mr)
    if made is None:
        raise ApiError(400, "Merge request is not mergeable")
    return Reply(body=MergeRef(commit_id=made))


class Approve(Params):
    sha: str | None = None


async def _approve(call: Call) -> Reply:
    if level_of(call.user, call.project) < DEVELOPER:
        raise unauthorized()
    await merging.approve(call.sim, call.mr, call.user, call.params(Approve).sha)
    return Reply(201, await _basic(call, call.mr))


async def _unapprove(call: Call) -> Reply:
    await merging.unapprove(call.sim, call.mr, call.user)
    return Reply(201, await _basic(call, call.mr))


_M = "/projects/{id}/merge_requests"
_ONE = f"{_M}/{{iid}}"
ROUTES = (
    Route("GET", _M, _list, MergeRequests),
    Route("GET", "/groups/{id}/merge_requests", _group_list, MergeRequests),
    Route("POST", _M, _open, NewMergeRequest, NO_ACCESS),
    Route("GET", _ONE, _one, OneMergeRequest),
    Route("PUT", _ONE, _change, ChangedMergeRequest, NO_ACCESS),
    Route("PUT", f"{_ONE}/merge", _merge, Merge, NO_ACCESS),
    Route("GET", f"{_ONE}/merge_ref", _merge_ref),
    Route("GET", f"{_ONE}/commits", _commits, Paged),
    Route("GET", f"{_ONE}/diffs", _diffs, Diffs),
    Route("GET", f"{_ONE}/changes", _changes, Changes),
    Route("GET", f"{_ONE}/versions", _versions, Paged),
    Route("GET", f"{_ONE}/versions/{{version_id}}", _version, Diffs),
    Route("GET", f"{_ONE}/pipelines", _pipelines, Paged),
    Route("POST", f"{_ONE}/approve", _approve, Approve, NO_ACCESS),
    Route("POST", f"{_ONE}/unapprove", _unapprove, level=NO_ACCESS),
    Route("GET", "/projects/{id}/repository/commits/{sha}/merge_requests", _of_commit, MergeRequests),
)
