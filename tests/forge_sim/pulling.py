"""The life of a pull request: opened, followed, edited, closed, merged; and its events."""

from __future__ import annotations

import time
from typing import Any

from .errors import ApiError, invalid
from .gates import gates, has_queue, is_strict
from .git import NULL_SHA
from .gitwrite import commit_tree
from .shapes.pulls import PullFacts, full_pull
from .shapes.pulls import label as label_shape
from .sim import Sim
from .state import Account, Json, Pull, Repo


def tell(sim: Sim, pull: Pull, action: str, sender: Account, **more: Any) -> None:
    """``pull_request`` on the base repository; what must be computed is not known yet in it."""
    shape = full_pull(sim.urls, sim.world, pull, PullFacts())
    payload = {"action": action, "number": pull.number, "pull_request": shape, **more}
    sim.emit("pull_request", pull.base, sender, payload)


async def open_pull(sim: Sim, base: Repo, head: Repo, user: Account, body: Json) -> Pull:
    """Raises 422 as GitHub does for missing branches, no commits and a second one of the same."""
    head_ref = str(body["head"]).split(":")[-1]
    base_ref = str(body["base"])
    head_sha, base_sha = head.head_of(head_ref), base.head_of(base_ref)
    if head_sha is None:
        raise invalid("head", "head is not a branch", "PullRequest")
    if base_sha is None:
        raise invalid("base", "base is not a branch", "PullRequest")
    for other in sim.world.pulls_with_head(head, head_ref):
        if other.base is base and other.base_ref == base_ref:
            where = f"{head.owner.login}:{head_ref}"
            raise invalid("head", f"A pull request already exists for {where}.", "PullRequest")
    await _bring_head(sim, base, head, head_sha, base.next_number)
    if not await sim.git.list_commits(base.id, head_sha, f"^{base_sha}", limit=1):
        message = f"No commits between {base_ref} and {head_ref}"
        raise invalid("head", message, "PullRequest")
    pull = Pull(
        id=sim.world.next_id("pull"),
        number=base.next_number,
        title=str(body["title"]),
        body=body.get("body"),
        user=user,
        base=base,
        base_ref=base_ref,
        base_sha=base_sha,
        head=head,
        head_owner=head.owner,
        head_ref=head_ref,
        head_sha=head_sha,
        draft=bool(body.get("draft", False)),
    )
    base.next_number += 1
    base.pulls[pull.number] = pull
    tell(sim, pull, "opened", user)
    return pull


async def _bring_head(sim: Sim, base: Repo, head: Repo, sha: str, number: int) -> None:
    ref = f"refs/pull/{number}/head"
    if head is base:
        await sim.git.update_ref(base.id, ref, sha)
    else:
        await sim.git.fetch_from(base.id, head.id, sha, ref)


async def follow(sim: Sim, repo: Repo, branch: str, old: str, new: str, pusher: Account) -> None:
    """A branch moved: pull requests from it move on, those into it may be merged by it."""
    for pull in sim.world.pulls_with_head(repo, branch):
        if new == NULL_SHA:
            close(sim, pull, pusher)
            continue
        await _bring_head(sim, pull.base, repo, new, pull.number)
        pull.head_sha, pull.updated_at = new, time.time()
        if not await sim.git.is_ancestor(repo.id, old, new):
            pull.forced.append((sim.world.next_id("issue_event"), pusher, new, pull.updated_at))
        tell(sim, pull, "synchronize", pusher, before=old, after=new)
    for pull in list(repo.pulls.values()):
        if pull.base_ref == branch and pull.state == "open" and new != NULL_SHA:
            await _base_moved(sim, pull, new, pusher)


async def _base_moved(sim: Sim, pull: Pull, new: str, pusher: Account) -> None:
    """A base that now has the head's commits has merged it ("indirect merge")."""
    pull.base_sha = new
    if await sim.git.is_ancestor(pull.base.id, pull.head_sha, new):
        mark_merged(sim, pull, new, pusher)


def close(sim: Sim, pull: Pull, by: Account) -> None:
    pull.state = "closed"
    pull.closed_at = pull.updated_at = time.time()
    tell(sim, pull, "closed", by)


async def reopen(sim: Sim, pull: Pull, by: Account) -> None:
    head = pull.head.head_of(pull.head_ref) if pull.head is not None else None
    if head is None or pull.merged_at is not None:
        raise invalid("state", "state cannot be changed.", "PullRequest")
    assert pull.head is not None
    if head != pull.head_sha:
        if not await sim.git.is_ancestor(pull.head.id, pull.head_sha, head):
            message = f"The {pull.head_ref} branch was force-pushed or recreated."
            raise invalid("state", f"state cannot be changed. {message}", "PullRequest")
        await _bring_head(sim, pull.base, pull.head, head, pull.number)
        pull.head_sha = head
    pull.state, pull.closed_at, pull.updated_at = "open", None, time.time()
    tell(sim, pull, "reopened", by)


def edit(sim: Sim, pull: Pull, by: Account, body: Json) -> None:
    """Title, body and base; one ``edited`` event that tells what they were."""
    changes: Json = {}
    for key in ("title", "body"):
        if key in body and body[key] != getattr(pull, key):
            changes[key] = {"from": getattr(pull, key) or ""}
            setattr(pull, key, body[key])
    base = body.get("base")
    if base is not None and base != pull.base_ref:
        sha = pull.base.head_of(str(base))
        if sha is None:
            raise invalid("base", "Proposed base branch was not found", "PullRequest")
        changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        pull.base_ref, pull.base_sha = str(base), sha
    if changes:
        pull.updated_at = time.time()
        tell(sim, pull, "edited", by, changes=changes)


def set_draft(sim: Sim, pull: Pull, draft: bool, by: Account) -> None:
    if pull.draft != draft:
        pull.draft = draft
        tell(sim, pull, "converted_to_draft" if draft else "ready_for_review", by)


def set_label(sim: Sim, pull: Pull, name: str, present: bool, by: Account) -> None:
    if (name in pull.labels) == present:
        return
    (pull.labels.append if present else pull.labels.remove)(name)
    action = "labeled" if present else "unlabeled"
    tell(sim, pull, action, by, label=label_shape(sim.urls, pull.base, name))


async def facts(sim: Sim, pull: Pull) -> PullFacts:
    """What GitHub computes behind the scenes of a pull request."""
    repo = pull.base.id
    start = await sim.git.merge_base(repo, pull.base_sha, pull.head_sha)
    commits = await sim.git.list_commits(repo, pull.head_sha, f"^{start or pull.base_sha}")
    files = await sim.git.diff(repo, start or pull.base_sha, pull.head_sha)
    mergeable: bool | None = None
    if pull.state == "open":
        mergeable = await sim.git.merge_tree(repo, pull.base_sha, pull.head_sha) is not None
    return PullFacts(
        mergeable=mergeable,
        mergeable_state=_mergeable_state(pull, mergeable),
        commits=len(commits),
        additions=sum(f.additions for f in files),
        deletions=sum(f.deletions for f in files),
        changed_files=len(files),
    )


def _mergeable_state(pull: Pull, mergeable: bool | None) -> str:
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    if pull.draft:
        return "draft"
    blocked = any(gate.state != "passing" for gate in gates(pull))
    return "blocked" if blocked else "clean"


async def blockers(sim: Sim, pull: Pull) -> list[str]:
    """Why the merge button is grey, in GitHub's words; empty if it is not."""
    if pull.state != "open":
        return ["Pull Request is not mergeable"]
    if pull.draft:
        return ["Pull Request is still a draft"]
    strict = is_strict(pull.base, pull.base_ref)
    if strict and not await sim.git.is_ancestor(pull.base.id, pull.base_sha, pull.head_sha):
        return ["Head branch is out of date with the base branch."]
    if await sim.git.merge_tree(pull.base.id, pull.base_sha, pull.head_sha) is None:
        return ["Pull Request is not mergeable"]
    return [gate.complaint for gate in gates(pull) if gate.state != "passing"]


async def merge(sim: Sim, pull: Pull, by: Account, body: Json) -> str:
    """The merge commit's sha. 405 where branch protection or a conflict forbids it, 409 for a
    head other than expected: https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request."""
    complaints = await blockers(sim, pull)
    if has_queue(pull.base, pull.base_ref):
        complaints.append("Changes must be made through the merge queue")
    if complaints:
        raise ApiError(405, " ".join(complaints))
    if body.get("sha") not in (None, pull.head_sha):
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    base, method = pull.base, body.get("merge_method", "merge")
    tree = await sim.git.merge_tree(base.id, pull.base_sha, pull.head_sha)
    assert tree is not None
    parents = [pull.base_sha] if method != "merge" else [pull.base_sha, pull.head_sha]
    title = body.get("commit_title") or _merge_title(pull, method)
    message = f"{title}\n\n{body.get('commit_message') or pull.title}"
    sha = await commit_tree(sim.git, base.id, tree, parents, message, by)
    await sim.git.update_ref(base.id, f"refs/heads/{pull.base_ref}", sha)
    mark_merged(sim, pull, sha, by)
    return sha


def _merge_title(pull: Pull, method: str) -> str:
    if method != "merge":
        return f"{pull.title} (#{pull.number})"
    where = f"{pull.head_owner.login}/{pull.head_ref}"
    return f"Merge pull request #{pull.number} from {where}"


def mark_merged(sim: Sim, pull: Pull, sha: str, by: Account) -> None:
    pull.merged_by, pull.merge_sha, pull.merged_at = by, sha, time.time()
    close(sim, pull, by)
