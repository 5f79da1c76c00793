"""Repositories made, forked, renamed, transferred and deleted; and the events of it."""

from __future__ import annotations

import time

from .gitwrite import commit_files
from .shapes.common import user
from .sim import Sim
from .state import Account, Repo, Role


async def create_repo(
    sim: Sim,
    owner: Account,
    name: str,
    *,
    private: bool,
    branch: str,
    files: dict[str, str],
    collaborators: dict[int, Role],
) -> Repo:
    """A repository with one initial commit, or an empty one where there are no files."""
    repo = Repo(sim.world.next_id("repo"), owner, name, private, branch)
    repo.network = repo.id
    repo.collaborators = collaborators
    sim.git.create(repo.id, branch)
    if files:
        sha = await commit_files(sim.git, repo.id, branch, files, "Initial commit", owner)
        repo.refs = {f"refs/heads/{branch}": sha}
    _register(sim, repo)
    sim.emit("repository", repo, owner, {"action": "created"})
    return repo


def fork_repo(sim: Sim, source: Repo, owner: Account, name: str | None) -> Repo:
    """A copy of branches and tags in the same network; pull requests stay where they are."""
    repo = Repo(
        sim.world.next_id("repo"), owner, name or source.name, source.private, source.default_branch
    )
    repo.parent, repo.network, repo.refs = source, source.network, dict(source.refs)
    sim.git.fork(source.id, repo.id)
    _register(sim, repo)
    return repo


def _register(sim: Sim, repo: Repo) -> None:
    sim.world.repos[repo.id] = repo
    key = repo.full_name.lower()
    sim.world.names[key] = repo
    sim.world.moved.pop(key, None)


def rename_repo(sim: Sim, repo: Repo, name: str, by: Account) -> None:
    old = repo.name
    _move(sim, repo, repo.owner, name)
    changes = {"repository": {"name": {"from": old}}}
    sim.emit("repository", repo, by, {"action": "renamed", "changes": changes})


def transfer_repo(sim: Sim, repo: Repo, owner: Account, name: str | None, by: Account) -> None:
    """Apps installed on the old owner lose it, those on the new one hear of it."""
    old = repo.owner
    _move(sim, repo, owner, name or repo.name)
    kind = "organization" if old.type == "Organization" else "user"
    shape = sim.organization(old) if kind == "organization" else user(sim.urls, old)
    changes = {"owner": {"from": {kind: shape}}}
    sim.emit("repository", repo, by, {"action": "transferred", "changes": changes})


def _move(sim: Sim, repo: Repo, owner: Account, name: str) -> None:
    old = repo.full_name.lower()
    del sim.world.names[old]
    sim.world.moved[old] = repo
    repo.owner, repo.name, repo.updated_at = owner, name, time.time()
    _register(sim, repo)


async def delete_repo(sim: Sim, repo: Repo, by: Account) -> None:
    """Pull requests from it stay, with a head repository that is null."""
    sim.emit("repository", repo, by, {"action": "deleted"})
    del sim.world.repos[repo.id]
    del sim.world.names[repo.full_name.lower()]
    for old in [key for key, moved in sim.world.moved.items() if moved is repo]:
        del sim.world.moved[old]
    for other in sim.world.repos.values():
        for pull in other.pulls.values():
            if pull.head is repo:
                pull.head = None
    await sim.git.remove(repo.id)
