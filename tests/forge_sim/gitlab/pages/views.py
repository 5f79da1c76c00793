"""What the templates show of pipelines and merge requests: icons, GitLab's words, sums. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ...rendering import plural, took
from ..pipelines import head_pipeline, status_of
from ..shapes.common import iso
from ..state import CommitStatus, Deployment, MergeRequest, Pipeline, Project

# status → (icon, word)
_ICONS = {
    "success": ("pass", "passed"),
    "failed": ("fail", "failed"),
    "canceled": ("stop", "canceled"),
    "skipped": ("skip", "skipped"),
    "running": ("busy", "running"),
    "pending": ("wait", "pending"),
    "created": ("wait", "created"),
    "blocked": ("stop", "blocked"),
}
_ORDER = ("failed", "canceled", "running", "pending", "created", "skipped", "success")
_REASONS = {
    "ci_must_pass": "Pipeline must succeed.",
    "ci_still_running": "Pipeline must succeed. It is still running.",
    "draft_status": "Merge request must not be draft.",
    "conflict": "Merge conflicts must be resolved.",
    "broken_status": "The source or target branch does not exist.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a job of a pipeline, or a deployment."""

    name: str
    icon: str
    word: str
    detail: str
    href: str | None
    retried: bool = False


def job(one: CommitStatus) -> Line:
    icon, word = _ICONS[one.status]
    lasted = ""
    if one.started_at and one.finished_at:
        lasted = f" in {took(iso(one.started_at), iso(one.finished_at))}"
    detail = f"{word}{lasted} — {one.description}" if one.description else f"{word}{lasted}"
    return Line(one.name, icon, word, detail, one.target_url, one.retried)


def jobs(pipeline: Pipeline) -> list[Line]:
    """What needs a person first; hidden ones are those of the pipeline's page."""
    found = sorted(pipeline.latest, key=lambda one: (_ORDER.index(one.status), one.name))
    return [job(one) for one in found]


def deployment(one: Deployment) -> Line:
    icon, word = _ICONS[one.status]
    return Line(one.environment.name, icon, word, word, None)


@dataclass(frozen=True, slots=True)
class Badge:
    """A pipeline in short; ``tone`` colours it."""

    id: int
    icon: str
    word: str
    tone: str
    path: str
    sha: str
    ref: str
    counts: str


_TONES = {"pass": "pass", "fail": "fail", "stop": "fail", "skip": "attention"}


def badge(pipeline: Pipeline) -> Badge:
    icon, word = _ICONS[status_of(pipeline)]
    return Badge(
        id=pipeline.id,
        icon=icon,
        word=word,
        tone=_TONES.get(icon, "busy"),
        path=f"/{pipeline.project.full_path}/-/pipelines/{pipeline.id}",
        sha=pipeline.sha,
        ref=pipeline.ref,
        counts=plural(len(pipeline.latest), "job"),
    )


def mark(project: Project, sha: str) -> Badge | None:
    """The small icon beside a commit: its newest pipeline."""
    found = [one for one in project.pipelines.values() if one.sha == sha]
    return badge(max(found, key=lambda one: one.id)) if found else None


def mark_of(mr: MergeRequest) -> Badge | None:
    pipeline = head_pipeline(mr)
    return badge(pipeline) if pipeline is not None else None


def reasons(mr: MergeRequest, status: str) -> list[str]:
    """Why the merge button is not there, in GitLab's words."""
    if status in ("mergeable", "not_open"):
        return []
    found = [_REASONS.get(status, status)]
    if status == "draft_status" and mr.target.only_if_pipeline_succeeds:
        pipeline = head_pipeline(mr)
        if pipeline is None or status_of(pipeline) != "success":
            found.append(_REASONS["ci_must_pass"])
    return found
