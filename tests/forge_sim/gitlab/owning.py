"""Users, groups and projects made, forked, renamed and deleted."""

from __future__ import annotations

import time

from ..gitwrite import commit_files
from .access import make_token
from .errors import ApiError
from .sim import HIDDEN_REFS, Sim
from .state import Group, Member, Project, Protection, Token, User, Visibility

_PERSONAL = ("api", "read_repository", "write_repository")


def create_user(sim: Sim, username: str, *, bot: bool = False, admin: bool = False) -> User:
    known = sim.world.user(username)
    if known is not None:
        return known
    user = User(sim.world.next_id("user"), username, username.capitalize(), bot, admin)
    user.namespace_id = sim.world.next_id("namespace")
    sim.world.users[username.lower()] = user
    return user


def personal_token(sim: Sim, user: User) -> Token:
    """The one token that a person of the scenery acts with, made on first use."""
    for token in sim.world.tokens.values():
        if token.user is user and token.name == "scenery":
            return token
    return make_token(sim.world, user, "scenery", _PERSONAL, None)


def create_group(sim: Sim, full_path: str, visibility: Visibility = "public") -> Group:
    """With all the groups above it that are not there yet."""
    known = sim.world.group(full_path)
    if known is not None:
        return known
    above, _, path = full_path.rpartition("/")
    parent = create_group(sim, above, visibility) if above else None
    group = Group(sim.world.next_id("namespace"), path, parent, visibility)
    sim.world.groups[full_path.lower()] = group
    return group


def set_member(place: Project | Group, user: User, level: int, expires_on: str | None = None) -> None:
    place.members.pop(user.id, None)
    if level:
        place.members[user.id] = Member(user, level, expires_on)


async def create_project(
    sim: Sim,
    namespace: Group | User,
    path: str,
    creator: User,
    *,
    visibility: Visibility,
    branch: str,
    files: dict[str, str],
    protected: bool = True,
) -> Project:
    """One initial commit, or none without files; the default branch is protected, as GitLab does it.

    https://docs.gitlab.com/user/project/repository/branches/default/#protect-initial-default-branches
    """
    project = Project(sim.world.next_id("project"), namespace, path, visibility, branch, creator)
    if sim.world.paths.get(project.full_path.lower()) is not None:
        raise ApiError(400, {"message": {"path": ["has already been taken"]}})
    project.network = project.id
    if protected:
        protect(sim, project, branch)
    sim.git.create(project.id, branch)
    if files:
        sha = await commit_files(sim.git, project.id, branch, files, "Initial commit", creator)
        project.refs = {f"refs/heads/{branch}": sha}
    _register(sim, project)
    return project


def protect(sim: Sim, project: Project, branch: str) -> Protection:
    rule = Protection(sim.world.next_id("label"))
    project.protected[branch] = rule
    return rule


async def fork_project(sim: Sim, source: Project, owner: User | Group, by: User) -> Project:
    """A copy of branches and tags in the same network; merge requests stay where they are."""
    number = sim.world.next_id("project")
    project = Project(number, owner, source.path, source.visibility, source.default_branch, by, source)
    project.network, project.refs = source.network, dict(source.refs)
    sim.git.fork(source.id, project.id)
    for ref in await _hidden(sim, project):
        await sim.git.delete_ref(project.id, ref)
    protect(sim, project, project.default_branch)
    _register(sim, project)
    return project


async def _hidden(sim: Sim, project: Project) -> list[str]:
    out = await sim.git.run(project.id, "for-each-ref", "--format=%(refname)", HIDDEN_REFS)
    return out.decode().split()


def _register(sim: Sim, project: Project) -> None:
    sim.world.projects[project.id] = project
    key = project.full_path.lower()
    sim.world.paths[key] = project
    sim.world.moved.pop(key, None)


def move_project(sim: Sim, project: Project, namespace: Group | User, path: str) -> None:
    """Renamed or transferred: the old path leads to it until another project takes it."""
    old = project.full_path.lower()
    del sim.world.paths[old]
    sim.world.moved[old] = project
    project.namespace, project.path, project.updated_at = namespace, path, time.time()
    _register(sim, project)


async def delete_project(sim: Sim, project: Project) -> None:
    """Merge requests from it stay, without a source project."""
    del sim.world.projects[project.id]
    del sim.world.paths[project.full_path.lower()]
    for old in [key for key, moved in sim.world.moved.items() if moved is project]:
        del sim.world.moved[old]
    for other in sim.world.projects.values():
        for mr in other.merge_requests.values():
            if mr.source is project:
                mr.source = None
    for hook in [h for h in sim.world.hooks.values() if h.owner is project]:
        del sim.world.hooks[hook.id]
    await sim.git.remove(project.id)
