"""External pipelines: where a commit status goes, what changes of it are allowed, what a pipeline folds to.

app/services/ci/create_commit_status_service.rb, app/models/commit_status.rb and
https://docs.gitlab.com/ci/ci_cd_for_external_repos/external_commit_statuses/.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from .access import may_update
from .errors import ApiError, bad_parameter, forbidden, invalid, not_found
from .sim import Sim
from .state import CommitStatus, MergeRequest, Pipeline, Project, User

ACTIVE = ("pending", "running")
# ``validates :ref, :target_url, :description, length: { maximum: 255 }`` (app/models/commit_status.rb);
# https://docs.gitlab.com/api/commits/#set-commit-pipeline-status says so too.
MOST_TEXT = 255
# The state machine of app/models/commit_status.rb: event, from where, to where.
_EVENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pending": ("enqueue", ("created", "skipped", "manual")),
    "running": ("run", ("pending",)),
    "success": ("success", ("created", "pending", "running")),
    "failed": ("drop", ("created", "pending", "running")),
    "canceled": ("cancel", ("created", "pending", "running", "manual")),
    "skipped": ("skip", ("created", "pending")),
}


async def set_status(
    sim: Sim,
    project: Project,
    user: User,
    sha: str,
    *,
    state: str,
    ref: str | None,
    name: str,
    pipeline_id: int | None,
    texts: dict[str, str | None],
    coverage: float | None,
) -> CommitStatus:
    """``texts``: description and target_url, those that were given."""
    commit = await sim.git.commit(project.id, sha)
    if commit is None:
        raise not_found("Commit")
    sha = commit.sha
    found = _newest(project, sha, ref, pipeline_id)
    ref = ref or (found.ref if found is not None else await _branch_with(sim, project, sha))
    if ref is None:
        raise not_found("References for commit")
    if pipeline_id is not None and found is None:
        raise not_found("Pipeline for pipeline_id, sha and ref")
    pipeline = _with_room(sim, found, name, user, asked=pipeline_id is not None)
    _validate(ref, texts)
    if not may_update(user, project, ref):
        raise forbidden()
    pipeline = pipeline or _create(sim, project, user, sha, ref)
    job = _matching(pipeline, name, user)
    if job is None:
        job = CommitStatus(sim.world.next_id("status"), pipeline, name, user)
    _apply(job, state)
    _keep(pipeline, job, texts, coverage)
    return job


def _newest(project: Project, sha: str, ref: str | None, pipeline_id: int | None) -> Pipeline | None:
    """The newest pipeline of the commit (and ref, and id) that is not archived."""
    found = [
        one
        for one in project.pipelines.values()
        if one.sha == sha
        and not one.archived
        and ref in (None, one.ref)
        and pipeline_id in (None, one.id)
    ]
    return max(found, key=lambda one: one.id, default=None)


async def _branch_with(sim: Sim, project: Project, sha: str) -> str | None:
    """The first branch that contains the commit; a fork's commit is in none."""
    names = sorted(ref for ref in project.refs if ref.startswith("refs/heads/"))
    for ref in names:
        if await sim.git.is_ancestor(project.id, sha, project.refs[ref]):
            return ref.removeprefix("refs/heads/")
    return None


def _with_room(
    sim: Sim, pipeline: Pipeline | None, name: str, user: User, *, asked: bool
) -> Pipeline | None:
    """A pipeline that has all the jobs it may have takes no new one: 422 if it was asked for."""
    most = sim.limits.limits.pipeline_jobs
    full = pipeline is not None and 0 < most <= len(pipeline.statuses)
    if pipeline is None or not full or _matching(pipeline, name, user) is not None:
        return pipeline
    if asked:
        raise ApiError(422, "The number of jobs has exceeded the limit")
    return None


def _validate(ref: str, texts: dict[str, str | None]) -> None:
    for field, text in {"ref": ref, **texts}.items():
        if text is not None and len(text) > MOST_TEXT:
            raise invalid(field, f"is too long (maximum is {MOST_TEXT} characters)")
    url = texts.get("target_url")
    if url is not None and not url.startswith(("http://", "https://")):
        raise invalid("target_url", "is blocked: Only allowed schemes are http, https")


def _create(sim: Sim, project: Project, user: User, sha: str, ref: str) -> Pipeline:
    number = sim.world.next_id("pipeline")
    iid = len(project.pipelines) + 1
    tag = f"refs/tags/{ref}" in project.refs and f"refs/heads/{ref}" not in project.refs
    pipeline = Pipeline(number, iid, project, sha, ref, user, tag=tag)
    project.pipelines[number] = pipeline
    return pipeline


def _matching(pipeline: Pipeline, name: str, user: User) -> CommitStatus | None:
    """Only a pending or running one of the same user and name goes on; everything else is new."""
    return next(
        (j for j in pipeline.statuses if (j.name, j.user) == (name, user) and j.status in ACTIVE), None
    )


def _apply(job: CommitStatus, state: str) -> None:
    """``running`` enqueues first, which may fail without a word; the rest must be allowed.

    A change that is refused changes nothing: not the description either.
    """
    if state not in _EVENTS:
        raise bad_parameter("state does not have a valid value")
    was = job.status
    if state == "running" and was in _EVENTS["pending"][1]:
        was = "pending"
    event, allowed = _EVENTS[state]
    if was not in allowed:
        reason = f'Reason(s): Status cannot transition via "{event}"'
        message = f"Cannot transition status via :{event} from :{was} ({reason})"
        raise ApiError(400, {"message": message})
    now = time.time()
    if state == "running":
        job.started_at = now
    if state in ("success", "failed", "canceled"):
        job.finished_at = now
    job.status = state


def _keep(
    pipeline: Pipeline, job: CommitStatus, texts: dict[str, str | None], coverage: float | None
) -> None:
    for field, text in texts.items():
        setattr(job, field, text)
    if coverage is not None:
        job.coverage = coverage
    if job not in pipeline.statuses:
        pipeline.statuses.append(job)
    for older in pipeline.statuses:
        if older is not job and older.name == job.name:
            older.retried = True
    pipeline.updated_at = time.time()


def status_of(pipeline: Pipeline) -> str:
    return fold([job.status for job in pipeline.latest])


def fold(states: Sequence[str]) -> str:
    """lib/gitlab/ci/status/composite.rb, for the states that commit statuses can have."""
    present = set(states)
    if not present:
        return "created"
    if present <= {"skipped"}:
        return "skipped"
    if present <= {"success", "skipped"}:
        return "success"
    if present <= {"canceled", "success", "skipped"}:
        return "canceled"
    if present <= {"pending", "skipped"}:
        return "pending"
    return "running" if present & set(ACTIVE) else "failed"


def pipelines_of(mr: MergeRequest) -> list[Pipeline]:
    """Newest first: those of the *source* project on the source branch, for a commit it had.

    app/finders/ci/pipelines_for_merge_request_finder.rb (``triggered_for_branch``): what is posted to
    the target project of a fork's merge request is not among them.
    """
    if mr.source is None:
        return []
    heads = {version.head for version in mr.versions}
    found = [
        one
        for one in mr.source.pipelines.values()
        if one.ref == mr.source_branch and not one.tag and one.sha in heads
    ]
    return sorted(found, key=lambda one: -one.id)


def head_pipeline(mr: MergeRequest) -> Pipeline | None:
    """Of the newest commit alone: it is the one that has to succeed."""
    return next((one for one in pipelines_of(mr) if one.sha == mr.sha), None)
