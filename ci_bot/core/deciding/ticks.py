"""A tick of a schedule, and the facts about it, to a Decision: whom it rests on, and what it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.deciding.head import Head
from ci_bot.core.deciding.heads import judge_run, natural_key, short
from ci_bot.core.decisions import AuditLine, Decision, NewRun, TickTaken, Withdraw
from ci_bot.core.events import Permission, Repo, Ticked
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.scheduling import Timed, lateness, moment
from ci_bot.core.trust import Ruling, Trust

#: From what may do most to what may do least.
_ORDER: Final = (Ruling.RUN, Ruling.RUN_WITHOUT_SECRETS, Ruling.WAIT, Ruling.REFUSE)
GONE: Final = "the schedule is not in the default branch's file any more"


@dataclass(frozen=True, slots=True)
class TickHead:
    """The newest commit of a schedule's branch as a tick finds it, and every run of that commit."""

    sha: str
    head: Head
    runs: Sequence[Run]


def may_tick(trust: Trust, repo: Repo, sha: str) -> Trust:
    """Nobody stands by at a tick: what would wait for a person starts nothing, and says what would help."""
    if trust.ruling.may_start:
        return trust
    where = f"and brought {short(sha)}, on which this schedule rests"
    help = f"a push to {repo.default_branch} by somebody who may write takes it over"
    return Trust(Ruling.REFUSE, trust.vouchers, f"{trust.awaited}, {where}; {help}")


def together_with(brought: Trust, head: Trust) -> Trust:
    """A tick has no more trust than the schedule, and no more than the commit that it runs."""
    weaker = max((brought, head), key=lambda trust: _ORDER.index(trust.ruling))
    vouchers = tuple(dict.fromkeys((*brought.vouchers, *head.vouchers)))
    return Trust(weaker.ruling, vouchers, weaker.awaited)


def decide_tick(event: Ticked, timed: Timed | None, found: TickHead | None, trust: Trust) -> Decision:
    """`found` None: the branch is not there. A schedule that is gone by now starts nothing."""
    if timed is None:
        return Decision(GONE)
    if timed.paused:
        return _nothing(event, timed, timed.paused)
    if found is None:
        return _nothing(event, timed, f"there is no branch {timed.runs_on}")
    new = _run(event, timed, found.sha)
    why_not = _why_not(timed, new, found)
    if why_not:
        return _nothing(event, timed, why_not)
    # Nobody wrote this commit's message about the schedule, so [skip ci] does not stop it.
    judged = judge_run(new, replace(found.head, message="", base_has_config=False), trust)
    if judged is None:
        return _nothing(event, timed, f"there is no .ci.yaml at the head of {timed.runs_on}")
    return _started(event, timed, _late(judged, event), trust)


def _why_not(timed: Timed, new: NewRun, found: TickHead) -> str:
    reading = found.head.reading
    pipeline = reading.pipeline if reading else None
    if pipeline is not None and RunKind.SCHEDULE not in pipeline.on:
        return f'"on" of {pipeline.file} at the head of {timed.runs_on} does not name schedule'
    prefix = _key_prefix(timed, found.sha)
    for run in found.runs:
        is_older = run.key.startswith(prefix) and run.key != new.key and not run.superseded
        if is_older and any(not job.status.is_final for job in run.jobs):
            return f"the run before it still tests the same commit, {short(found.sha)}"
    return ""


def _key_prefix(timed: Timed, sha: str) -> str:
    return natural_key(timed.repo, RunKind.SCHEDULE, f"{timed.id}@", sha)


def _run(event: Ticked, timed: Timed, sha: str) -> NewRun:
    return NewRun(
        key=f"{_key_prefix(timed, sha)}{int(event.due_at)}",
        repo=timed.repo,
        kind=RunKind.SCHEDULE,
        ref=timed.runs_on,
        sha=sha,
        verdict=Verdict.PLANNED,
        actor=timed.actor,
        title=timed.cron,
    )


def _late(judged: NewRun, event: Ticked) -> NewRun:
    return replace(judged, reason="; ".join(filter(None, [judged.reason, lateness(event)])))


def _started(event: Ticked, timed: Timed, judged: NewRun, trust: Trust) -> Decision:
    """What an earlier tick said of the same commit is replaced; on other commits it goes on."""
    older = Withdraw(
        timed.repo.key,
        f"superseded by the tick of {moment(event.due_at)}",
        superseded=True,
        kind=RunKind.SCHEDULE,
        sha=judged.sha,
        key_prefix=_key_prefix(timed, judged.sha),
        except_key=judged.key,
    )
    is_planned = judged.verdict is Verdict.PLANNED
    words = f"tests {short(judged.sha)}" if is_planned else f"{judged.verdict} at {short(judged.sha)}"
    outcome = f"{words}: {judged.reason}" if judged.reason else words
    return replace(
        _nothing(event, timed, outcome, judged.key, _permission(trust), judged.sha),
        create=(judged,),
        withdraw=(older,),
    )


def _nothing(
    event: Ticked,
    timed: Timed,
    outcome: str,
    run: str = "",
    permission: Permission = Permission.NONE,
    sha: str = "",
) -> Decision:
    """On record in any case."""
    what = f'"{timed.cron}" of {timed.runs_on}, due {moment(event.due_at)}: {outcome}'
    audit = AuditLine(
        "schedule", timed.actor, permission, timed.repo.key, sha or timed.sha, detail=what
    )
    taken = TickTaken(timed.id, event.due_at, outcome, run)
    return Decision(f"schedule {what}", audit=(audit,), ticked=(taken,))


def _permission(trust: Trust) -> Permission:
    return min((voucher.permission for voucher in trust.vouchers), default=Permission.NONE)
