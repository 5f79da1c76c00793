"""The list of projects; a project's front page, merge requests, commits and pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ...git import EMPTY_TREE
from ...gitobjects import Commit
from ..access import may_see
from ..errors import not_found
from ..state import Project, User
from . import views
from .render import Page


@dataclass(frozen=True, slots=True)
class CommitRow:
    commit: Commit
    title: str
    author: User | None
    mark: views.Badge | None


def commit_row(page: Page, project: Project, commit: Commit) -> CommitRow:
    login = commit.author.email.split("@")[0].split("+")[-1]
    return CommitRow(
        commit=commit,
        title=commit.message.split("\n", 1)[0],
        author=page.sim.world.user(login),
        mark=views.mark(project, commit.sha),
    )


async def rows_of(page: Page, project: Project, shas: list[str]) -> list[CommitRow]:
    found = [await page.sim.git.commit(project.id, sha) for sha in shas]
    return [commit_row(page, project, one) for one in found if one is not None]


def frame(project: Project, tab: str) -> dict[str, Any]:
    opened = sum(1 for mr in project.merge_requests.values() if mr.state == "opened")
    return {"project": project, "tab": tab, "opened": opened}


async def home(page: Page) -> web.Response:
    rows = []
    for project in page.sim.world.projects.values():
        if not may_see(page.viewer, project):
            continue
        head = project.head_of(project.default_branch)
        commits = await rows_of(page, project, [head] if head else [])
        rows.append((project, commits[0] if commits else None, frame(project, "")["opened"]))
    return page.show("home.html", rows=rows)


async def overview(page: Page) -> web.Response:
    project, git = page.project, page.sim.git
    head = project.head_of(project.default_branch)
    shas = await git.list_commits(project.id, head, limit=10) if head else []
    readme = await git.read(project.id, f"{head}:README.md") if head else None
    entries = await git.tree(project.id, f"{head}^{{tree}}") if head else []
    branches = [
        (ref.removeprefix("refs/heads/"), views.mark(project, sha))
        for ref, sha in project.refs.items()
        if ref.startswith("refs/heads/")
    ]
    return page.show(
        "project.html",
        **frame(project, "code"),
        commits=await rows_of(page, project, shas),
        branches=branches,
        unasked=_without_mr(project, [name for name, _ in branches]),
        entries=sorted(entries or [], key=lambda e: (e.type != "dir", e.name)),
        readme=readme[2].decode("utf-8", "replace") if readme else None,
    )


def _without_mr(project: Project, branches: list[str]) -> set[str]:
    """Branches from which a merge request may be opened."""
    known = project.merge_requests.values()
    opened = {mr.source_branch for mr in known if mr.state == "opened" and mr.source is project}
    return set(branches) - opened - {project.default_branch}


async def merge_requests(page: Page) -> web.Response:
    project = page.project
    rows = [(mr, views.mark_of(mr)) for mr in reversed(project.merge_requests.values())]
    return page.show("merge_requests.html", **frame(project, "merge_requests"), rows=rows)


async def commit(page: Page) -> web.Response:
    project, git = page.project, page.sim.git
    found = await git.commit(project.id, page.request.match_info["sha"])
    if found is None:
        raise not_found("Commit")
    parent = found.parents[0] if found.parents else EMPTY_TREE
    same = [one for one in project.pipelines.values() if one.sha == found.sha]
    return page.show(
        "commit.html",
        **frame(project, "code"),
        row=commit_row(page, project, found),
        pipelines=[(views.badge(one), views.jobs(one)) for one in reversed(same)],
        deployments=[views.deployment(d) for d in project.deployments.values() if d.sha == found.sha],
        files=await git.diff(project.id, parent, found.sha),
    )


async def pipelines(page: Page) -> web.Response:
    project = page.project
    rows = [views.badge(one) for one in reversed(project.pipelines.values())]
    return page.show("pipelines.html", **frame(project, "pipelines"), rows=rows)


async def pipeline(page: Page) -> web.Response:
    """All its jobs, those that were tried again too."""
    one = page.pipeline
    older = [views.job(each) for each in one.statuses if each.retried]
    return page.show(
        "pipeline.html",
        **frame(page.project, "pipelines"),
        badge=views.badge(one),
        user=one.user,
        created_at=one.created_at,
        jobs=views.jobs(one),
        older=older,
    )
