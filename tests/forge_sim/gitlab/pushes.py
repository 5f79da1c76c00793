"""What a change of branches and tags sets off: push and tag hooks, merge requests that move.

https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
"""

from __future__ import annotations

import time

from ..git import EMPTY_TREE, NULL_SHA
from ..gitobjects import Commit
from . import merging
from .shapes.payloads import PushHook, commit_hook, project_hook, repository_hook
from .sim import Sim
from .state import Json, Project, PushEvent, User

# Same page: no hook at all where one push changes more than three branches, or more than three tags
# (``push_event_hooks_limit``, each kind for itself).
MOST_REFS = 3
# Same page: "information about the newest 20 commits only".
MOST_COMMITS = 20


async def settle(sim: Sim, project: Project, pusher: User) -> None:
    """Compare the refs with those known before and tell whoever asked. Call under the lock."""
    before, after = project.refs, await sim.git.refs(project.id)
    project.refs = after
    changed = [r for r in sorted({*before, *after}) if before.get(r) != after.get(r)]
    if changed:
        project.updated_at = time.time()
    for kind, trigger in (("refs/heads/", "push_hooks"), ("refs/tags/", "tag_push_hooks")):
        refs = [ref for ref in changed if ref.startswith(kind)]
        if len(refs) > MOST_REFS:
            _record_many(sim, project, kind, len(refs), pusher)
            continue
        for ref in refs:
            old, new = before.get(ref, NULL_SHA), after.get(ref, NULL_SHA)
            payload = await _payload(sim, project, ref, old, new, pusher)
            _record(sim, project, payload, pusher)
            sim.hooks.emit(trigger, project, payload)
    for ref in changed:
        if ref.startswith("refs/heads/"):
            old, new = before.get(ref, NULL_SHA), after.get(ref, NULL_SHA)
            await merging.follow(sim, project, ref.removeprefix("refs/heads/"), old, new, pusher)


def _record(sim: Sim, project: Project, payload: Json, pusher: User) -> None:
    """https://docs.gitlab.com/api/events/; a push of many refs at once is one event that names none."""
    kind, name = payload["ref"].split("/", 2)[1:]
    told = payload["commits"]
    event = PushEvent(
        id=sim.world.next_id("event"),
        ref=name,
        ref_type="tag" if kind == "tags" else "branch",
        before=payload["before"],
        after=payload["after"],
        commits=payload["total_commits_count"],
        title=told[-1]["title"] if told else None,
        user=pusher,
    )
    project.pushes.append(event)


def _record_many(sim: Sim, project: Project, kind: str, count: int, pusher: User) -> None:
    number, what = sim.world.next_id("event"), "tag" if "tags" in kind else "branch"
    many = PushEvent(number, None, what, NULL_SHA, NULL_SHA, 0, None, pusher, refs=count)
    project.pushes.append(many)


async def _payload(sim: Sim, project: Project, ref: str, old: str, new: str, pusher: User) -> Json:
    kind = "tag_push" if ref.startswith("refs/tags/") else "push"
    commits = [] if new == NULL_SHA else await _new_commits(sim, project, ref, old, new)
    told = [await _told(sim, project, one) for one in commits[-MOST_COMMITS:]]
    target = None if new == NULL_SHA else await sim.git.commit(project.id, new)
    branch = ref.split("/", 2)[2]
    shape = PushHook(
        object_kind=kind,
        event_name=kind,
        before=old,
        after=new,
        ref=ref,
        ref_protected=kind == "push" and branch in project.protected,
        checkout_sha=target.sha if target is not None else None,
        message=await _message(sim, project, kind, new),
        user_id=pusher.id,
        user_name=pusher.name,
        user_username=pusher.username,
        user_email="",
        user_avatar=None,
        project_id=project.id,
        project=project_hook(sim.urls, project),
        commits=told,
        total_commits_count=len(commits),
        push_options={},
        repository=repository_hook(sim.urls, project, full=True),
    )
    return shape.model_dump(mode="json")


async def _message(sim: Sim, project: Project, kind: str, new: str) -> str | None:
    """Of an annotated tag."""
    found = await sim.git.read(project.id, new) if kind == "tag_push" and new != NULL_SHA else None
    if found is None or found[1] != "tag":
        return None
    return found[2].decode("utf-8", "replace").partition("\n\n")[2].strip()


async def _new_commits(sim: Sim, project: Project, ref: str, old: str, new: str) -> list[Commit]:
    """Oldest first. A new branch tells what the default branch does not have; a tag tells none."""
    if ref.startswith("refs/tags/"):
        return []
    start = project.refs.get(f"refs/heads/{project.default_branch}") if old == NULL_SHA else old
    if ref == f"refs/heads/{project.default_branch}" and old == NULL_SHA:
        start = None
    known = [f"^{start}"] if start else []
    shas = await sim.git.list_commits(project.id, new, *known, limit=2000)
    found = [await sim.git.commit(project.id, sha) for sha in reversed(shas)]
    return [one for one in found if one is not None]


async def _told(sim: Sim, project: Project, one: Commit) -> Json:
    parent = one.parents[0] if one.parents else EMPTY_TREE
    return commit_hook(sim.urls, project, one, await sim.git.diff(project.id, parent, one.sha))
