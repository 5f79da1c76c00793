"""What the buttons of the pages do, as the person chosen by ``as``."""

from __future__ import annotations

from aiohttp import web

from .. import merging, noting, pushes
from ..access import level_of
from ..errors import ApiError
from ..state import DEVELOPER, Project, User
from .render import Page


def _actor(page: Page) -> User:
    if page.viewer is None:
        raise ApiError(401, "Choose who you are first (“Viewing as”).")
    return page.viewer


def _developer(page: Page, project: Project) -> User:
    actor = _actor(page)
    if level_of(actor, project) < DEVELOPER:
        raise ApiError(403, f"{actor.username} is no developer of {project.full_path}.")
    return actor


def _back(page: Page, number: int) -> web.Response:
    path = f"/{page.project.full_path}/-/merge_requests/{number}"
    return web.Response(status=303, headers={"Location": page.link(path)})


async def comment(page: Page) -> web.Response:
    await noting.write(page.sim, page.mr, _actor(page), page.form.get("body", ""))
    return _back(page, page.mr.iid)


async def merge(page: Page) -> web.Response:
    """Now, or as soon as the pipeline has succeeded ("Set to auto-merge")."""
    mr, actor = page.mr, _developer(page, page.project)
    async with page.sim.lock(mr.target):
        if await merging.detailed_status(page.sim, mr) == "ci_still_running":
            mr.auto_merge_by = actor
        else:
            await merging.merge(page.sim, mr, actor)
            await pushes.settle(page.sim, mr.target, actor)
    return _back(page, mr.iid)


async def open_mr(page: Page) -> web.Response:
    """From a branch of the project to its default branch, called as its newest commit is."""
    project, actor = page.project, _developer(page, page.project)
    branch = page.form.get("branch", "")
    commit = await page.sim.git.commit(project.id, project.head_of(branch) or "")
    async with page.sim.lock(project):
        mr = await merging.open_mr(
            page.sim,
            project,
            project,
            actor,
            source_branch=branch,
            target_branch=project.default_branch,
            title=commit.message.split("\n", 1)[0] if commit else branch,
            description="",
            labels=[],
        )
    return _back(page, mr.iid)
