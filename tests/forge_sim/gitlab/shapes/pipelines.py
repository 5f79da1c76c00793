"""Pipelines, commit statuses, deployments: https://docs.gitlab.com/api/pipelines/, /commits/#commit-status, /deployments/."""

from __future__ import annotations

from ..state import CommitStatus, Deployment, Pipeline, Project
from .common import Shape, Urls, UserBasic, iso, iso_or_none, user_basic


class PipelineBasic(Shape):
    """https://docs.gitlab.com/api/pipelines/#list-project-pipelines."""

    id: int
    iid: int
    project_id: int
    sha: str
    ref: str
    status: str
    source: str
    created_at: str
    updated_at: str
    web_url: str
    name: str | None


class PipelineFull(PipelineBasic):
    """https://docs.gitlab.com/api/pipelines/#retrieve-a-pipeline."""

    before_sha: str
    tag: bool
    yaml_errors: str | None
    user: UserBasic
    started_at: str | None
    finished_at: str | None
    committed_at: str | None
    duration: float | None
    queued_duration: float | None
    coverage: str | None
    archived: bool


def pipeline_basic(urls: Urls, pipeline: Pipeline, status: str) -> PipelineBasic:
    return PipelineBasic(
        id=pipeline.id,
        iid=pipeline.iid,
        project_id=pipeline.project.id,
        sha=pipeline.sha,
        ref=pipeline.ref,
        status=status,
        source=pipeline.source,
        created_at=iso(pipeline.created_at),
        updated_at=iso(pipeline.updated_at),
        web_url=f"{urls.project(pipeline.project)}/-/pipelines/{pipeline.id}",
        name=None,
    )


def pipeline_full(urls: Urls, pipeline: Pipeline, status: str) -> PipelineFull:
    coverages = [one.coverage for one in pipeline.latest if one.coverage is not None]
    ends = [one.finished_at for one in pipeline.latest]
    ended = None if None in ends or not ends else max(at for at in ends if at is not None)
    starts = [one.started_at for one in pipeline.latest if one.started_at is not None]
    return PipelineFull(
        **pipeline_basic(urls, pipeline, status).model_dump(),
        before_sha="0" * 40,
        tag=pipeline.tag,
        yaml_errors=None,
        user=user_basic(urls, pipeline.user),
        started_at=iso_or_none(min(starts, default=None)),
        finished_at=iso_or_none(ended),
        committed_at=None,
        duration=None,
        queued_duration=None,
        coverage=f"{sum(coverages) / len(coverages):.2f}" if coverages else None,
        archived=pipeline.archived,
    )


class StatusShape(Shape):
    """https://docs.gitlab.com/api/commits/#set-commit-pipeline-status."""

    id: int
    sha: str
    ref: str | None
    status: str
    name: str
    target_url: str | None
    description: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    allow_failure: bool
    coverage: float | None
    pipeline_id: int
    author: UserBasic


def status_shape(urls: Urls, one: CommitStatus) -> StatusShape:
    return StatusShape(
        id=one.id,
        sha=one.pipeline.sha,
        ref=one.pipeline.ref,
        status=one.status,
        name=one.name,
        target_url=one.target_url,
        description=one.description,
        created_at=iso(one.created_at),
        started_at=iso_or_none(one.started_at),
        finished_at=iso_or_none(one.finished_at),
        allow_failure=False,
        coverage=one.coverage,
        pipeline_id=one.pipeline.id,
        author=user_basic(urls, one.user),
    )


class EnvironmentShape(Shape):
    id: int
    name: str
    slug: str
    external_url: str | None
    created_at: str
    updated_at: str


class DeploymentShape(Shape):
    """https://docs.gitlab.com/api/deployments/."""

    id: int
    iid: int
    ref: str
    sha: str
    created_at: str
    updated_at: str
    status: str
    user: UserBasic
    environment: EnvironmentShape
    deployable: None


def deployment_shape(urls: Urls, project: Project, one: Deployment) -> DeploymentShape:
    where = one.environment
    made = iso(where.created_at)
    environment = EnvironmentShape(
        id=where.id,
        name=where.name,
        slug=where.name.lower().replace("/", "-"),
        external_url=None,
        created_at=made,
        updated_at=made,
    )
    return DeploymentShape(
        id=one.id,
        iid=one.iid,
        ref=one.ref,
        sha=one.sha,
        created_at=iso(one.created_at),
        updated_at=iso(one.updated_at),
        status=one.status,
        user=user_basic(urls, one.user),
        environment=environment,
        deployable=None,
    )
