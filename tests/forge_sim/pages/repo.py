"""The list of repositories; a repository's front page, pull requests and commits."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from ..errors import not_found
from ..git import EMPTY_TREE
from ..gitobjects import Commit
from ..state import Account, Repo
from . import views
from .render import Page


@dataclass(frozen=True, slots=True)
class CommitRow:
    commit: Commit
    title: str
    author: Account | None
    mark: views.Line | None
    tally: str


def commit_row(page: Page, repo: Repo, commit: Commit) -> CommitRow:
    login = commit.author.email.split("@")[0].split("+")[-1]
    return CommitRow(
        commit=commit,
        title=commit.message.split("\n", 1)[0],
        author=page.sim.world.account(login),
        mark=views.mark(repo, commit.sha),
        tally=views.tally(repo, commit.sha),
    )


async def rows_of(page: Page, repo: Repo, shas: list[str]) -> list[CommitRow]:
    found = [await page.sim.git.commit(repo.id, sha) for sha in shas]
    return [commit_row(page, repo, one) for one in found if one is not None]


async def home(page: Page) -> web.Response:
    rows = []
    for repo in page.sim.world.repos.values():
        head = repo.head_of(repo.default_branch)
        commits = await rows_of(page, repo, [head] if head else [])
        open_pulls = sum(1 for pull in repo.pulls.values() if pull.state == "open")
        rows.append((repo, commits[0] if commits else None, open_pulls))
    return page.show("home.html", rows=rows)


async def overview(page: Page) -> web.Response:
    repo, git = page.repo, page.sim.git
    head = repo.head_of(repo.default_branch)
    shas = await git.list_commits(repo.id, head, limit=10) if head else []
    readme = await git.read(repo.id, f"{head}:README.md") if head else None
    entries = await git.tree(repo.id, f"{head}^{{tree}}") if head else []
    branches = [
        (ref.removeprefix("refs/heads/"), views.mark(repo, sha))
        for ref, sha in repo.refs.items()
        if ref.startswith("refs/heads/")
    ]
    return page.show(
        "repo.html",
        repo=repo,
        tab="code",
        commits=await rows_of(page, repo, shas),
        branches=branches,
        unasked=_without_pull(repo, [name for name, _ in branches]),
        entries=sorted(entries or [], key=lambda e: (e.type != "dir", e.name)),
        readme=readme[2].decode("utf-8", "replace") if readme else None,
        open_pulls=_open(repo),
    )


def _without_pull(repo: Repo, branches: list[str]) -> set[str]:
    """Branches from which a pull request may be opened."""
    opened = {
        pull.head_ref for pull in repo.pulls.values() if pull.state == "open" and pull.head is repo
    }
    return set(branches) - opened - {repo.default_branch}


async def pulls(page: Page) -> web.Response:
    repo = page.repo
    rows = [(pull, views.mark(repo, pull.head_sha)) for pull in reversed(repo.pulls.values())]
    return page.show("pulls.html", repo=repo, tab="pulls", rows=rows, open_pulls=_open(repo))


def _open(repo: Repo) -> int:
    return sum(1 for pull in repo.pulls.values() if pull.state == "open")


async def commit(page: Page) -> web.Response:
    repo, git = page.repo, page.sim.git
    found = await git.commit(repo.id, page.request.match_info["sha"])
    if found is None:
        raise not_found()
    parent = found.parents[0] if found.parents else EMPTY_TREE
    rows = views.lines(repo, found.sha, [])
    return page.show(
        "commit.html",
        repo=repo,
        tab="code",
        row=commit_row(page, repo, found),
        lines=rows,
        verdict=views.verdict(rows),
        deployments=[
            views.deployment(one) for one in repo.deployments.values() if one.sha == found.sha
        ],
        files=await git.diff(repo.id, parent, found.sha),
        open_pulls=_open(repo),
    )
