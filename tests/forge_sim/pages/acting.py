"""What the buttons of the pages do, as the person chosen by ``as``."""

from __future__ import annotations

from aiohttp import web

from .. import checking, commenting, pulling, queueing
from ..access import Caller
from ..errors import ApiError
from ..gates import has_queue
from ..state import RANK, Account, Repo
from .render import Page
from .run import run_of


def _actor(page: Page) -> Account:
    if page.viewer is None:
        raise ApiError(401, "Choose who you are first (“Viewing as”).")
    return page.viewer


def _writer(page: Page, repo: Repo) -> Account:
    actor = _actor(page)
    if RANK[page.sim.world.role(actor, repo)] < RANK["write"]:
        raise ApiError(403, f"{actor.login} has no write access to {repo.full_name}.")
    return actor


def _back(page: Page, path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": page.link(path)})


async def comment(page: Page) -> web.Response:
    pull = page.pull
    caller = Caller("user", user=_actor(page))
    commenting.write(page.sim, pull, caller, {"body": page.form.get("body", "")})
    return _back(page, f"/{pull.base.full_name}/pull/{pull.number}")


async def merge(page: Page) -> web.Response:
    pull = page.pull
    actor = _writer(page, pull.base)
    async with page.sim.lock(pull.base):
        if has_queue(pull.base, pull.base_ref):
            await queueing.join(page.sim, pull, actor)
        else:
            await pulling.merge(page.sim, pull, actor, {})
            await queueing.settle(page.sim, pull.base, actor)
    return _back(page, f"/{pull.base.full_name}/pull/{pull.number}")


async def open_pull(page: Page) -> web.Response:
    """From a branch of the repository to its default branch, called as its newest commit is."""
    repo, actor = page.repo, _writer(page, page.repo)
    head = page.form.get("head", "")
    commit = await page.sim.git.commit(repo.id, repo.head_of(head) or "")
    title = commit.message.split("\n", 1)[0] if commit else head
    async with page.sim.lock(repo):
        body = {"title": title, "head": head, "base": repo.default_branch}
        pull = await pulling.open_pull(page.sim, repo, repo, actor, body)
    return _back(page, f"/{repo.full_name}/pull/{pull.number}")


async def rerequest(page: Page) -> web.Response:
    run = run_of(page)
    checking.rerequest_run(page.sim, page.repo, run, _writer(page, page.repo))
    return _back(page, f"/{page.repo.full_name}/runs/{run.id}")


async def press(page: Page) -> web.Response:
    run, actor = run_of(page), _writer(page, page.repo)
    checking.press(page.sim, page.repo, run, page.form.get("identifier", ""), actor)
    return _back(page, f"/{page.repo.full_name}/runs/{run.id}")
