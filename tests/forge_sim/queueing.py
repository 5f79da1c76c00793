"""A merge queue: pull requests in; each merged on a branch of the queue's own, tested, landed or sent away.

One at a time: the first of a branch has a group, the others wait. All functions are called under the
repository's lock, but for ``checks_changed``.
https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from __future__ import annotations

from . import pulling, pushes
from .errors import ApiError, invalid
from .gates import gates_of, has_queue
from .gitwrite import commit_tree
from .registering import create_account
from .shapes.commits import in_suite
from .sim import Sim
from .state import Account, Json, Pull, Queued, Repo

_BOT = "github-merge-queue[bot]"


async def settle(sim: Sim, repo: Repo, pusher: Account) -> None:
    """After any change of refs: what the push sets off, and then what it means for the queue."""
    await pushes.settle(sim, repo, pusher)
    await look(sim, repo)
    for other in list(sim.world.repos.values()):
        if other is not repo and other.network == repo.network:  # its pull requests come from here
            await checks_changed(sim, other)


async def checks_changed(sim: Sim, repo: Repo) -> None:
    if repo.queue:
        async with sim.lock(repo):
            await look(sim, repo)


async def join(sim: Sim, pull: Pull, by: Account) -> None:
    """As the button "Merge when ready" does. 405 where it could not be merged, 422 where there is no queue or it waits."""
    if not has_queue(pull.base, pull.base_ref):
        raise invalid("base", f"{pull.base_ref} has no merge queue", "PullRequest")
    if _place(pull) is not None:
        raise invalid("pull", "Pull request is already in the queue", "PullRequest")
    complaints = await pulling.blockers(sim, pull)
    if complaints:
        raise ApiError(405, " ".join(complaints))
    pull.base.queue.append(Queued(pull, pull.head_sha, by))
    pulling.tell(sim, pull, "enqueued", by)
    await look(sim, pull.base)


async def leave(sim: Sim, pull: Pull, by: Account) -> None:
    one = _place(pull)
    if one is None:
        raise invalid("pull", "Pull request is not in the queue", "PullRequest")
    await _remove(sim, one, by, "dequeued", "MANUAL")
    await look(sim, pull.base)


def _place(pull: Pull) -> Queued | None:
    return next((one for one in pull.base.queue if one.pull is pull), None)


async def look(sim: Sim, repo: Repo) -> None:
    """Lets the first of each branch go as far as it can."""
    while any([await _step(sim, one) for one in _firsts(repo)]):
        continue


def _firsts(repo: Repo) -> list[Queued]:
    return list({one.pull.base_ref: one for one in reversed(repo.queue)}.values())


async def _step(sim: Sim, one: Queued) -> bool:
    """Whether anything was done."""
    pull, bot = one.pull, create_account(sim, _BOT, "Bot")
    repo = pull.base
    if pull.state != "open" or pull.head_sha != one.head_sha:
        await _remove(sim, one, bot, "dequeued", "UNKNOWN_REMOVAL_REASON")
    elif not one.ref:
        await _form(sim, one, bot)
    elif repo.head_of(pull.base_ref) != one.base_sha:
        await _destroy(sim, one, bot, "invalidated")
    else:
        return await _judge(sim, one, bot)
    return True


async def _form(sim: Sim, one: Queued, bot: Account) -> None:
    """The merge of the pull request into the branch as it is now, and the question that goes with it."""
    pull, repo = one.pull, one.pull.base
    one.base_sha = repo.refs[f"refs/heads/{pull.base_ref}"]
    tree = await sim.git.merge_tree(repo.id, one.base_sha, pull.head_sha)
    if tree is None:
        await _remove(sim, one, bot, "dequeued", "MERGE_CONFLICT")
        return
    parents = [one.base_sha, pull.head_sha]
    title = f"Merge pull request #{pull.number} from {pull.head_owner.login}/{pull.head_ref}"
    message = f"{title}\n\n{pull.title}"
    one.merge_sha = await commit_tree(sim.git, repo.id, tree, parents, message, one.by)
    one.ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{pull.number}-{one.base_sha}"
    await sim.git.update_ref(repo.id, one.ref, one.merge_sha)
    await pushes.settle(sim, repo, bot)
    await _tell(sim, one, bot, {"action": "checks_requested"})


async def _judge(sim: Sim, one: Queued, bot: Account) -> bool:
    """By the required checks of the merge itself: those of the pull request's head do not count here."""
    states = {gate.state for gate in gates_of(one.pull.base, one.pull.base_ref, one.merge_sha)}
    if "failing" in states:
        await _remove(sim, one, bot, "dequeued", "CI_FAILURE")
        return True
    if states <= {"passing"}:
        await _land(sim, one, bot)
        return True
    return False


async def _land(sim: Sim, one: Queued, bot: Account) -> None:
    pull, sha = one.pull, one.merge_sha
    await sim.git.update_ref(pull.base.id, f"refs/heads/{pull.base_ref}", sha)
    pulling.mark_merged(sim, pull, sha, one.by)
    await _remove(sim, one, bot, "merged", "MERGE")


async def _remove(sim: Sim, one: Queued, by: Account, reason: str, why: str) -> None:
    one.pull.base.queue.remove(one)
    pulling.tell(sim, one.pull, "dequeued", by, reason=why)
    await _destroy(sim, one, by, reason)


async def _destroy(sim: Sim, one: Queued, by: Account, reason: str) -> None:
    """The group, if there is one; the pull request may get another."""
    repo = one.pull.base
    if one.ref:
        await _tell(sim, one, by, {"action": "destroyed", "reason": reason})
        await sim.git.delete_ref(repo.id, one.ref)
        one.ref = one.merge_sha = one.base_sha = ""
        await pushes.settle(sim, repo, by)


async def _tell(sim: Sim, one: Queued, sender: Account, about: Json) -> None:
    repo = one.pull.base
    head = await sim.git.commit(repo.id, one.merge_sha)
    assert head is not None
    group = {
        "head_sha": one.merge_sha,
        "head_ref": one.ref,
        "base_sha": one.base_sha,
        "base_ref": f"refs/heads/{one.pull.base_ref}",
        "head_commit": in_suite(head),
    }
    sim.emit("merge_group", repo, sender, {**about, "merge_group": group})
