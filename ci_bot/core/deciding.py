"""From an event and the facts about it to one Decision. Everything here is a pure function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.decisions import Decision, ForgetRepo, NewRun, Retry, SeeRepo, Withdraw
from ci_bot.core.events import (
    Actor,
    Event,
    MergeGroupAsked,
    MergeGroupDropped,
    Pull,
    PullRequestChanged,
    PullRequestClosed,
    Pushed,
    RefDeleted,
    Repo,
    RepoDeleted,
    RepoRenamed,
    RepoTransferred,
    RerunAsked,
    TagPushed,
    TenantChanged,
)
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.pipeline import Reading, plan
from ci_bot.core.trust import Trust, Vouched

SKIP_CI: Final = re.compile(r"\[(?:skip ci|ci skip)\]", re.IGNORECASE)
CLOSED: Final = "the pull request was closed"
REF_DELETED: Final = "the branch was deleted"
QUEUE_LEFT: Final = "the merge queue no longer waits for this"


@dataclass(frozen=True, slots=True)
class Head:
    """What is known about a commit that might be tested.

    `reading` is its configuration, None where it has none; then `base_has_config` says whether the
    commit it is to replace or to be merged into has one.
    """

    reading: Reading | None
    base_has_config: bool
    message: str


def natural_key(repo: Repo, kind: RunKind, ref: str, sha: str) -> str:
    """The same for a webhook, its redelivery and whoever else finds this head."""
    return f"{repo.key} {kind} {sha} {ref}"


def turn_of(event: Event) -> str:
    """Events with the same turn are decided one after the other, so that each sees the one before."""
    if isinstance(event, TenantChanged):
        return f"{event.forge}:tenant:{event.tenant}"
    return event.repo.key


def short(sha: str) -> str:
    return sha[:7]


# ── heads ────────────────────────────────────────────────────────────────────────────────────


def decide_pull(event: PullRequestChanged, current: Pull, head: Head, trust: Trust) -> Decision:
    """A pull request has a head or a base to be tested; `current` is what the forge says now."""
    repo, pull = event.repo, event.pull
    seen = (SeeRepo(repo),)
    if not current.is_open:
        return Decision(f"#{pull.number} is closed by now", repos=seen)
    if current.head_sha != pull.head_sha:
        moved = f"#{pull.number} has moved on to {short(current.head_sha)}"
        return Decision(f"{moved}; that head has an event of its own", repos=seen)
    ref = f"pull/{pull.number}:{current.base_ref}"  # another base is another question
    new = NewRun(
        key=natural_key(repo, RunKind.PULL_REQUEST, ref, pull.head_sha),
        repo=repo,
        kind=RunKind.PULL_REQUEST,
        ref=pull.head_ref,
        sha=pull.head_sha,
        verdict=Verdict.PLANNED,
        actor=event.actor,
        pull=pull.number,
        title=current.title,
        base_ref=current.base_ref,
        base_sha=current.base_sha,
    )
    older = Withdraw(
        repo.key,
        f"superseded by {short(pull.head_sha)}",
        superseded=True,
        kind=RunKind.PULL_REQUEST,
        pull=pull.number,
        except_key=new.key,
    )
    judged = _judge(new, head, trust)
    if judged is None:
        return Decision("no .ci.yaml, neither here nor on the base", withdraw=(older,), repos=seen)
    withdraw: tuple[Withdraw, ...] = (older,)
    if judged.verdict is not Verdict.NOTHING_TO_RUN and not pull.is_from_fork(repo):
        withdraw += (_push_of(repo, pull.head_sha, f"#{pull.number} tests this commit"),)
        if judged.verdict is Verdict.PLANNED:
            withdraw += (_held(repo, pull.head_sha),)
    return Decision(_told(judged), create=(judged,), withdraw=withdraw, repos=seen)


def decide_push(event: Pushed, head: Head, pulls: Sequence[Pull], newer: Sequence[Run]) -> Decision:
    """A branch moved. `pulls` are open ones with this very head; `newer` are pushes that led on from it.

    Where the branch came from the end of these, it was moved back: then this push is the newest.

    An open pull request on the same head tests it, unless its configuration asks for pushes alone.
    Older runs of the branch are superseded, but never on the default branch: there each commit
    keeps its own answer.
    """
    repo = event.repo
    seen = (SeeRepo(repo),)
    new = NewRun(
        key=natural_key(repo, RunKind.PUSH, event.branch, event.sha),
        repo=repo,
        kind=RunKind.PUSH,
        ref=event.branch,
        sha=event.sha,
        verdict=Verdict.PLANNED,
        actor=event.actor,
        title=_first_line(event.message),
        base_ref=event.branch,
        base_sha=event.before,
    )
    is_late = bool(newer) and event.before not in {run.sha for run in newer}
    if is_late and event.branch != repo.default_branch:
        return Decision(f"{event.branch} has moved on since", repos=seen)
    older = (
        Withdraw(
            repo.key,
            f"superseded by {short(event.sha)}",
            superseded=True,
            kind=RunKind.PUSH,
            ref=event.branch,
            except_key=new.key,
        ),
    )
    withdraw: tuple[Withdraw, ...] = older if event.branch != repo.default_branch else ()
    judged = _judge(new, head, Trust(is_granted=True))
    if judged is None:
        return Decision("no .ci.yaml, neither here nor before", withdraw=withdraw, repos=seen)
    if pulls and _tests_pulls(head):
        return Decision(f"#{pulls[0].number} tests this commit", withdraw=withdraw, repos=seen)
    if judged.verdict is Verdict.PLANNED:
        withdraw += (_held(repo, event.sha),)
    return Decision(_told(judged), create=(judged,), withdraw=withdraw, repos=seen)


def decide_tag(event: TagPushed, head: Head) -> Decision:
    """A tag was made. Tags report beside the gate, so a file that does not name them is silent."""
    new = NewRun(
        key=natural_key(event.repo, RunKind.TAG, event.tag, event.sha),
        repo=event.repo,
        kind=RunKind.TAG,
        ref=event.tag,
        sha=event.sha,
        verdict=Verdict.PLANNED,
        actor=event.actor,
        title=_first_line(event.message),
    )
    seen = (SeeRepo(event.repo),)
    judged = _judge(new, replace(head, base_has_config=False), Trust(is_granted=True))
    if judged is None:
        return Decision("no .ci.yaml at this tag", repos=seen)
    if judged.verdict is Verdict.NOTHING_TO_RUN:
        return Decision(judged.reason, repos=seen)
    return Decision(_told(judged), create=(judged,), repos=seen)


def decide_merge_group(event: MergeGroupAsked, head: Head) -> Decision:
    """A merge queue waits for an answer on its own commit. `[skip ci]` does not apply to it."""
    new = NewRun(
        key=natural_key(event.repo, RunKind.MERGE_GROUP, event.ref, event.sha),
        repo=event.repo,
        kind=RunKind.MERGE_GROUP,
        ref=event.ref,
        sha=event.sha,
        verdict=Verdict.PLANNED,
        actor=event.actor,
        title=f"Merge queue for {event.base_ref}",
        base_ref=event.base_ref,
        base_sha=event.base_sha,
    )
    seen = (SeeRepo(event.repo),)
    judged = _judge(new, replace(head, message=""), Trust(is_granted=True))
    if judged is None:
        return Decision("no .ci.yaml, neither here nor on the base", repos=seen)
    return Decision(_told(judged), create=(judged,), repos=seen)


def _judge(new: NewRun, head: Head, trust: Trust) -> NewRun | None:
    """The run with its verdict, or None where nothing is to be published at all."""
    if head.reading is None:
        if not head.base_has_config:
            return None
        return replace(
            new,
            verdict=Verdict.CONFIG_MISSING,
            reason="this commit removes .ci.yaml, which its base has",
        )
    if not trust.is_granted:
        return replace(new, verdict=Verdict.HELD, reason=trust.awaited)
    skip = SKIP_CI.search(head.message)
    if skip:
        return replace(
            new, verdict=Verdict.SKIP_CI, reason=f'the commit message says "{skip.group().lower()}"'
        )
    if head.reading.pipeline is None:
        return replace(new, verdict=Verdict.CONFIG_BROKEN, problems=head.reading.problems)
    planned = plan(head.reading.pipeline, new.kind)
    if not planned.jobs:
        return replace(new, verdict=Verdict.NOTHING_TO_RUN, reason=planned.reason)
    return replace(new, plan=planned)


def _told(new: NewRun) -> str:
    if new.verdict is Verdict.PLANNED:
        return f"tests {short(new.sha)}"
    return f"{new.verdict}: {new.reason}" if new.reason else str(new.verdict)


def _tests_pulls(head: Head) -> bool:
    pipeline = head.reading.pipeline if head.reading else None
    return pipeline is None or RunKind.PULL_REQUEST in pipeline.on


def _push_of(repo: Repo, sha: str, reason: str) -> Withdraw:
    return Withdraw(repo.key, reason, superseded=True, kind=RunKind.PUSH, sha=sha)


def _held(repo: Repo, sha: str) -> Withdraw:
    """Who may push here has vouched for the very commit that a fork's pull request waits with."""
    return Withdraw(
        repo.key, "pushed to this repository", superseded=True, sha=sha, verdict=Verdict.HELD
    )


def _first_line(message: str) -> str:
    return message.split("\n", 1)[0].strip()


# ── what ends ────────────────────────────────────────────────────────────────────────────────


def decide_closed(event: PullRequestClosed, current: Pull) -> Decision:
    """`current` is what the forge says now: the event may come late, and then nobody cancels anything."""
    if current.is_open:
        return Decision(f"#{current.number} is open again by now", repos=(SeeRepo(event.repo),))
    gone = Withdraw(
        event.repo.key, CLOSED, superseded=False, kind=RunKind.PULL_REQUEST, pull=event.pull.number
    )
    return Decision(f"#{event.pull.number} was closed", withdraw=(gone,), repos=(SeeRepo(event.repo),))


def decide_deleted(event: RefDeleted) -> Decision:
    seen = (SeeRepo(event.repo),)
    branch = event.ref.removeprefix("refs/heads/")
    if branch == event.ref:
        return Decision("a tag was deleted; its run stands", repos=seen)
    gone = Withdraw(event.repo.key, REF_DELETED, superseded=False, kind=RunKind.PUSH, ref=branch)
    return Decision(f"{branch} was deleted", withdraw=(gone,), repos=seen)


def decide_merge_group_dropped(event: MergeGroupDropped) -> Decision:
    gone = Withdraw(
        event.repo.key, QUEUE_LEFT, superseded=False, kind=RunKind.MERGE_GROUP, sha=event.sha
    )
    return Decision(QUEUE_LEFT, withdraw=(gone,), repos=(SeeRepo(event.repo),))


# ── what people ask ──────────────────────────────────────────────────────────────────────────


def decide_rerun(event: RerunAsked, clicker: Vouched, runs: Sequence[Run], job: str | None) -> Decision:
    """Re-run was pressed: `runs` are those that the check stands for, `job` is the key of its job.

    `job` None means all of them. A run keeps the trust of its first attempt, so a held one stays held.
    """
    seen = (SeeRepo(event.repo),)
    if not clicker.may_write:
        return Decision(f"@{event.actor.login} has no write access and may not re-run", repos=seen)
    live = tuple(run.id for run in runs if not run.superseded)
    if not live:
        return Decision(f"nothing to re-run on {short(event.sha)}", repos=seen)
    retry = Retry(event.repo.key, event.sha, live, job, event.actor)
    what = f'job "{job}"' if job else "what did not succeed"
    return Decision(f"@{event.actor.login} re-runs {what}", retry=(retry,), repos=seen)


# ── repositories ─────────────────────────────────────────────────────────────────────────────


def decide_tenant(event: TenantChanged) -> Decision:
    """Installed, removed, or given other repositories. Being seen starts nothing."""
    if event.is_gone:
        forget = ForgetRepo(event.forge, None, event.tenant)
        return Decision(f"removed from {event.tenant} by {_who(event.actor)}", repos=(forget,))
    changes: tuple[SeeRepo | ForgetRepo, ...] = tuple(SeeRepo(repo) for repo in event.added)
    changes += tuple(ForgetRepo(event.forge, id, event.tenant) for id in event.removed)
    return Decision(
        f"{len(event.added)} repositories seen, {len(event.removed)} given up", repos=changes
    )


def decide_repo(event: RepoRenamed | RepoTransferred | RepoDeleted) -> Decision:
    repo = event.repo
    match event:
        case RepoDeleted():
            return Decision(f"{repo.name} was deleted", repos=(ForgetRepo(repo.forge, repo.id, None),))
        case RepoTransferred():
            return Decision(f"now {repo.name}, by transfer", repos=(SeeRepo(repo, locked=True),))
        case RepoRenamed():
            return Decision(f"now {repo.name}", repos=(SeeRepo(repo),))


def _who(actor: Actor) -> str:
    return f"@{actor.login}"
