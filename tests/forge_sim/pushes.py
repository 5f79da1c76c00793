"""What a change of branches and tags sets off: push, create, delete, suites, pull requests.

In: a repository whose git refs have just moved. Out: events, new suites, moved pull requests.
https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
"""

from __future__ import annotations

import time

from . import pulling
from .git import EMPTY_TREE, NULL_SHA
from .gitobjects import Commit
from .shapes import commits as shapes
from .shapes.checks import suite_in_event, suite_tail
from .shapes.repos import web_url
from .sim import Sim
from .state import Account, Activity, App, CheckSuite, Json, Repo

# Same page (push): no events at all for more than 5,000 branches at once; none *for the tags* when
# more than three of them are pushed at once. create and delete say the same of tags.
MOST_BRANCHES = 5000
MOST_TAGS = 3
MOST_COMMITS = 2048


async def settle(sim: Sim, repo: Repo, pusher: Account) -> None:
    """Compare the refs with those known before and tell whoever asked. Call under the lock."""
    before, after = repo.refs, await sim.git.refs(repo.id)
    repo.refs = after
    changed = [r for r in sorted({*before, *after}) if before.get(r) != after.get(r)]
    if not changed:
        return
    repo.pushed_at = repo.updated_at = time.time()
    tags = {ref for ref in changed if ref.startswith("refs/tags/")}
    silent = tags if len(tags) > MOST_TAGS else set()
    if len(changed) - len(tags) > MOST_BRANCHES:
        silent = set(changed)
    for ref in changed:
        old, new = before.get(ref, NULL_SHA), after.get(ref, NULL_SHA)
        if ref not in silent:
            await _tell(sim, repo, ref, old, new, pusher)
        if ref.startswith("refs/heads/"):
            await _record(sim, repo, ref, old, new, pusher)
            await pulling.follow(sim, repo, ref.removeprefix("refs/heads/"), old, new, pusher)


async def _tell(sim: Sim, repo: Repo, ref: str, old: str, new: str, pusher: Account) -> None:
    payload = await push_payload(sim, repo, ref, old, new, pusher)
    sim.emit("push", repo, pusher, payload)
    kind, name = ref.split("/", 2)[1:]
    about = {"ref": name, "ref_type": "tag" if kind == "tags" else "branch", "pusher_type": "user"}
    if old == NULL_SHA:
        extra = {"master_branch": repo.default_branch, "description": None}
        sim.emit("create", repo, pusher, {**about, **extra})
    if new == NULL_SHA:
        sim.emit("delete", repo, pusher, about)
    elif kind == "heads":
        await request_suites(sim, repo, name, old, new, pusher)


async def _record(sim: Sim, repo: Repo, ref: str, old: str, new: str, pusher: Account) -> None:
    """Of branches alone: https://docs.github.com/en/rest/repos/repos#list-repository-activities."""
    if NULL_SHA in (old, new):
        kind = "branch_creation" if old == NULL_SHA else "branch_deletion"
    else:
        kind = "push" if await sim.git.is_ancestor(repo.id, old, new) else "force_push"
    number = sim.world.next_id("activity")
    repo.activities.append(Activity(number, ref, old, new, kind, pusher, time.time()))


async def push_payload(sim: Sim, repo: Repo, ref: str, old: str, new: str, pusher: Account) -> Json:
    created, deleted = old == NULL_SHA, new == NULL_SHA
    heads = [s for r, s in repo.refs.items() if r.startswith("refs/heads/") and r != ref]
    commits = [] if deleted else await _new_commits(sim, repo, old, new, heads)
    head = None if deleted else await sim.git.commit(repo.id, new)
    forced = not (created or deleted) and not await sim.git.is_ancestor(repo.id, old, new)
    same = [r for r, s in repo.refs.items() if s == new and r != ref and "heads/" in r]
    span = new[:12] if created else f"{old[:12]}...{new[:12]}"
    return {
        "ref": ref,
        "before": old,
        "after": new,
        "created": created,
        "deleted": deleted,
        "forced": forced,
        "base_ref": same[0] if created and same else None,
        "compare": f"{web_url(sim.urls, repo)}/compare/{span}",
        "commits": [await _told(sim, repo, one, pusher) for one in commits],
        "head_commit": None if head is None else await _told(sim, repo, head, pusher),
        "pusher": {"name": pusher.login, "email": f"{pusher.login}@users.noreply.example.com"},
    }


async def _new_commits(sim: Sim, repo: Repo, old: str, new: str, heads: list[str]) -> list[Commit]:
    """Oldest first. A new ref counts only what no other branch has."""
    known = [f"^{sha}" for sha in heads] if old == NULL_SHA else [f"^{old}"]
    shas = await sim.git.list_commits(repo.id, new, *known, limit=MOST_COMMITS)
    found = [await sim.git.commit(repo.id, sha) for sha in reversed(shas)]
    return [one for one in found if one is not None]


async def _told(sim: Sim, repo: Repo, one: Commit, pusher: Account) -> Json:
    parent = one.parents[0] if one.parents else EMPTY_TREE
    changed = await sim.git.diff(repo.id, parent, one.sha)
    return shapes.in_push(sim.urls, repo, one, changed, pusher)


async def request_suites(
    sim: Sim, repo: Repo, branch: str, old: str, new: str, pusher: Account
) -> None:
    """A suite for every App with checks:write, told to that App alone."""
    for installation in list(sim.world.installations_on(repo)):
        if installation.permissions.get("checks") != "write":
            continue
        if (installation.app.id, new) in repo.suite_of:
            continue
        suite = new_suite(sim, repo, installation.app, new, branch, old)
        await tell_suite(sim, repo, suite, "requested", pusher, only=installation.app)


def new_suite(
    sim: Sim, repo: Repo, app: App, sha: str, branch: str | None, before: str | None
) -> CheckSuite:
    suite = CheckSuite(
        id=sim.world.next_id("suite"),
        app=app,
        head_sha=sha,
        head_branch=branch,
        before=before,
        after=sha,
    )
    repo.suites[suite.id] = repo.suite_of[(app.id, sha)] = suite
    return suite


async def tell_suite(
    sim: Sim, repo: Repo, suite: CheckSuite, action: str, sender: Account, only: App | None
) -> None:
    head = await sim.git.commit(repo.id, suite.head_sha)
    if head is None:
        return
    shape = {
        **suite_in_event(sim.urls, repo, suite),
        **suite_tail(sim.urls, repo, suite, head),
    }
    sim.emit("check_suite", repo, sender, {"action": action, "check_suite": shape}, only)
