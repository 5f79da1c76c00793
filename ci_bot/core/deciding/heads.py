"""Events about heads, and the facts about them, to Decisions: what is tested, and what that ends."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ci_bot.core.conditions import labels_read, reads_labels
from ci_bot.core.deciding.declaring import declared
from ci_bot.core.deciding.head import Head
from ci_bot.core.deciding.occasions import occasion
from ci_bot.core.decisions import Decision, NewRun, SeeRepo, Withdraw
from ci_bot.core.events import (
    Actor,
    Event,
    MergeGroupAsked,
    Pull,
    PullRequestChanged,
    Pushed,
    Repo,
    TagPushed,
    TenantChanged,
)
from ci_bot.core.manners import numbered
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.occasion import Changed
from ci_bot.core.pipeline import Reading, plan
from ci_bot.core.planned import Plan
from ci_bot.core.trust import Trust

#: No branch has a space in its name, so nothing else of a key looks like this.
WITH_LABELS: Final = " labels "
SKIP_CI: Final = re.compile(r"\[(?:skip ci|ci skip)\]", re.IGNORECASE)


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


def decide_pull(
    event: PullRequestChanged, current: Pull, head: Head, trust: Trust, known: Sequence[Run] = ()
) -> Decision:
    """A pull request has a head or a base to be tested; `current` is what the forge says now.

    `known` are the runs of this head. Where labels are all that changed, a run that they would not
    change is left as it is.
    """
    repo, pull = event.repo, event.pull
    seen = (SeeRepo(repo),)
    if not current.is_open:
        return Decision(f"{numbered(repo.forge, pull.number)} is closed by now", repos=seen)
    if current.head_sha != pull.head_sha:
        moved = f"{numbered(repo.forge, pull.number)} has moved on to {short(current.head_sha)}"
        return Decision(f"{moved}; that head has an event of its own", repos=seen)
    new = with_labels(pull_run(repo, event.actor, current, event.at), head.reading, current.labels)
    if event.relabelled and new.key in {run.key for run in known if not run.superseded}:
        return Decision("no condition asks for what changed of its labels", repos=seen)
    head = replace(head, pull=_as_told(event, current))
    judged = judge_run(new, head, trust)
    if judged is None:
        withdraw = (superseded_by(new),)
        return Decision("no .ci.yaml, neither here nor on the base", withdraw=withdraw, repos=seen)
    return Decision(told(judged), create=(judged,), withdraw=beside(judged, current), repos=seen)


def lags_behind(current: Pull, event: PullRequestChanged) -> bool:
    """Whether the forge may still show what it was before the event. It may also have changed again since."""
    if event.relabelled:
        return set(current.labels) != set(event.pull.labels)
    return bool(event.before) and current.head_sha == event.before


def _as_told(event: PullRequestChanged, current: Pull) -> Pull:
    """A draft that became ready may still be one in the forge's API, which lags behind its own events;
    one that became a draft again since may run all the same.
    """
    return replace(current, is_draft=current.is_draft and event.pull.is_draft)


def pull_run(repo: Repo, actor: Actor, pull: Pull, head_at: float) -> NewRun:
    """The run of a pull request's head, before anything is known about it."""
    ref = f"pull/{pull.number}:{pull.base_ref}"  # another base is another question
    return NewRun(
        key=natural_key(repo, RunKind.PULL_REQUEST, ref, pull.head_sha),
        repo=repo,
        kind=RunKind.PULL_REQUEST,
        ref=pull.head_ref,
        sha=pull.head_sha,
        verdict=Verdict.PLANNED,
        actor=actor,
        pull=pull.number,
        title=pull.title,
        base_ref=pull.base_ref,
        base_sha=pull.base_sha,
        head_at=head_at,
    )


def asks_for_labels(reading: Reading | None) -> bool:
    """Whether other labels may be another question."""
    pipeline = reading.pipeline if reading else None
    return pipeline is not None and reads_labels(pipeline.jobs)


def with_labels(new: NewRun, reading: Reading | None, labels: Sequence[str]) -> NewRun:
    """Other labels are another question, like another base, as far as a condition asks for them."""
    pipeline = reading.pipeline if reading else None
    found = labels_read(pipeline.jobs, labels) if pipeline else ()
    if not found:
        return new
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]
    return replace(new, key=f"{new.key}{WITH_LABELS}{digest}")


def again(run: Run) -> NewRun:
    """A run as it was asked for, to be judged anew under the same natural key."""
    return NewRun(
        key=run.key,
        repo=run.repo,
        kind=run.kind,
        ref=run.ref,
        sha=run.sha,
        verdict=Verdict.PLANNED,
        actor=run.actor,
        pull=run.pull,
        title=run.title,
        base_ref=run.base_ref,
        base_sha=run.base_sha,
        head_at=run.head_at,
    )


def superseded_by(new: NewRun) -> Withdraw:
    """The runs of a pull request's older heads, and of its other bases."""
    return Withdraw(
        new.repo.key,
        f"superseded by {short(new.sha)}",
        superseded=True,
        kind=RunKind.PULL_REQUEST,
        pull=new.pull,
        except_key=new.key,
    )


def beside(judged: NewRun, pull: Pull) -> tuple[Withdraw, ...]:
    """What the run of a pull request takes the place of."""
    withdraw: tuple[Withdraw, ...] = (superseded_by(judged),)
    if judged.verdict is not Verdict.NOTHING_TO_RUN and not pull.is_from_fork(judged.repo):
        reason = f"{numbered(judged.repo.forge, pull.number)} tests this commit"
        withdraw += (_push_of(judged.repo, judged.sha, reason),)
        if judged.verdict is Verdict.PLANNED:
            withdraw += (_held(judged.repo, judged.sha),)
    return withdraw


def decide_push(
    event: Pushed,
    head: Head,
    pulls: Sequence[tuple[Pull, Changed]],
    newer: Sequence[Run],
    trust: Trust,
) -> Decision:
    """A branch moved. `pulls` are open ones with this very head, each with the files that it changes.

    `newer` are pushes that led on from it; where the branch came from the end of these, it was moved
    back: then this push is the newest.

    An open pull request on the same head tests it, unless its own filters keep it from starting
    anything. A draft that is not to be tested yet is not to be tested as a push either.
    Older runs of the branch are superseded, but never on the default branch: there each commit
    keeps its own answer.
    """
    is_late = bool(newer) and event.before not in {run.sha for run in newer}
    decision = _decide_push(event, head, pulls, trust, is_late=is_late)
    if is_late or event.branch != event.repo.default_branch:
        return decision
    return replace(decision, schedules=(declared(event.repo, event.sha, event.actor, head.reading),))


def _decide_push(
    event: Pushed,
    head: Head,
    pulls: Sequence[tuple[Pull, Changed]],
    trust: Trust,
    *,
    is_late: bool,
) -> Decision:
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
    judged = judge_run(new, head, trust)
    if judged is None:
        return Decision("no .ci.yaml, neither here nor before", withdraw=withdraw, repos=seen)
    for pull, changed in pulls:
        if _tests(event, replace(head, pull=pull, changed=changed)):
            reason = f"{numbered(repo.forge, pull.number)} tests this commit"
            return Decision(reason, withdraw=withdraw, repos=seen)
    if judged.verdict is Verdict.PLANNED:
        withdraw += (_held(repo, event.sha),)
    return Decision(told(judged), create=(judged,), withdraw=withdraw, repos=seen)


def decide_tag(event: TagPushed, head: Head, trust: Trust) -> Decision:
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
    judged = judge_run(new, replace(head, base_has_config=False), trust)
    if judged is None:
        return Decision("no .ci.yaml at this tag", repos=seen)
    if judged.verdict is Verdict.NOTHING_TO_RUN:
        return Decision(judged.reason, repos=seen)
    return Decision(told(judged), create=(judged,), repos=seen)


def decide_merge_group(event: MergeGroupAsked, head: Head, trust: Trust) -> Decision:
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
    judged = judge_run(new, replace(head, message=""), trust)
    if judged is None:
        return Decision("no .ci.yaml, neither here nor on the base", repos=seen)
    return Decision(told(judged), create=(judged,), repos=seen)


def judge_run(new: NewRun, head: Head, trust: Trust) -> NewRun | None:
    """The run with its verdict, or None where nothing is to be published at all."""
    new = replace(new, ruling=trust.ruling, vouchers=trust.vouchers)
    if head.reading is None:
        if not head.base_has_config:
            return None
        return replace(
            new,
            verdict=Verdict.CONFIG_MISSING,
            reason="this commit removes .ci.yaml, which its base has",
        )
    if not trust.ruling.may_start:
        waiting = {"reason": trust.awaited, "inspection": head.inspection}
        return replace(new, verdict=Verdict.HELD, **waiting)  # type: ignore[arg-type]
    skip = SKIP_CI.search(head.message)
    if skip:
        return replace(
            new, verdict=Verdict.SKIP_CI, reason=f'the commit message says "{skip.group().lower()}"'
        )
    if head.reading.pipeline is None:
        return replace(new, verdict=Verdict.CONFIG_BROKEN, problems=head.reading.problems)
    return _planned(new, plan(head.reading.pipeline, occasion(new, head)))


def _planned(new: NewRun, planned: Plan) -> NewRun:
    """Jobs that are not to be run are kept, so that each can say why."""
    kept = planned if planned.jobs else None
    if planned.awaits:
        return replace(new, verdict=Verdict.DRAFT, reason=planned.reason)
    if all(job.skip for job in planned.jobs):
        return replace(new, verdict=Verdict.NOTHING_TO_RUN, reason=planned.reason, plan=kept)
    return replace(new, plan=planned)


def told(new: NewRun) -> str:
    if new.verdict is Verdict.PLANNED:
        return f"tests {short(new.sha)}"
    return f"{new.verdict}: {new.reason}" if new.reason else str(new.verdict)


def _tests(event: Pushed, head: Head) -> bool:
    """Whether the event of the head's pull request starts, or waits with, anything of its own."""
    pipeline = head.reading.pipeline if head.reading else None
    if pipeline is None or head.pull is None:
        return True
    new = pull_run(event.repo, event.actor, head.pull, 0.0)
    return _planned(new, plan(pipeline, occasion(new, head))).verdict is not Verdict.NOTHING_TO_RUN


def _push_of(repo: Repo, sha: str, reason: str) -> Withdraw:
    return Withdraw(repo.key, reason, superseded=True, kind=RunKind.PUSH, sha=sha)


def _held(repo: Repo, sha: str) -> Withdraw:
    """Who may push here has vouched for the very commit that a fork's pull request waits with."""
    return Withdraw(
        repo.key, "pushed to this repository", superseded=True, sha=sha, verdict=Verdict.HELD
    )


def _first_line(message: str) -> str:
    return message.split("\n", 1)[0].strip()
