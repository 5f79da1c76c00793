"""`/run <job> [key=value…]`: one job of the current head, and what it needs, outside the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ci_bot.core import asking
from ci_bot.core.chat.asked import Asked, refused, taken, unknown_jobs, usage
from ci_bot.core.chat.inputs import values_of, wrong_inputs
from ci_bot.core.chat.retry import approve_first
from ci_bot.core.concurrency import on_branch
from ci_bot.core.conditions import decided
from ci_bot.core.decisions import Decision, NewRun, SeeRepo, Withdraw
from ci_bot.core.graph import with_needs
from ci_bot.core.inputs import filled
from ci_bot.core.markdown import code
from ci_bot.core.model import RunKind, Verdict
from ci_bot.core.occasion import Facts
from ci_bot.core.planned import Plan

NAME: Final = "run"
USAGE: Final = "run <job> [key=value…]"
SUMMARY: Final = "start one job and what it needs, beside the gate"


def decide(args: Sequence[str], asked: Asked) -> Decision:
    """The head's own trust counts: what waits for approval cannot be started by hand either."""
    if asked.planned is not None and asked.planned.verdict is Verdict.HELD:
        return refused(asked, "waits for approval", approve_first(asked), NAME)
    if asked.planned is None or asked.offered is None:
        text = (
            f"The `.ci.yaml` of {code(asked.sha[:7])} is missing or broken, so it has no jobs to run."
        )
        return refused(asked, "no jobs", text, NAME)
    jobs = asked.offered.jobs
    known = tuple(dict.fromkeys([*(job.family for job in jobs), *(job.id for job in jobs)]))
    if not args:
        names = ", ".join(code(name) for name in known[:10])
        example = usage(asked.prefix, f"run {known[0]}")
        return refused(asked, "names no job", f"Which job? {names}. Like {code(example)}", NAME)
    problem = unknown_jobs(args[:1], known) or wrong_inputs(args[1:], asked.offered.inputs)
    if problem:
        return refused(asked, "cannot be run so", problem, NAME)
    values = values_of(args[1:], asked.offered.inputs)
    new = _by_hand(args[0], asked, asked.planned, asked.offered, values)
    return taken(asked, _started(new, asked, args), new.key)


def _started(new: NewRun, asked: Asked, args: Sequence[str]) -> Decision:
    job = args[0]
    detail = " ".join([f'job "{job}"', *args[1:]])
    older = Withdraw(
        asked.repo.key,
        "started again by hand",
        superseded=True,
        kind=RunKind.MANUAL,
        sha=new.sha,
        key_prefix=_key_prefix(job, asked),
        except_key=new.key,
    )
    return Decision(
        f'{asking.who(asked.person)} runs job "{job}" by hand',
        create=(new,),
        withdraw=(older,),
        audit=(asking.audit("run", asked.person, asked.repo, asked.sha, detail=detail),),
        repos=(SeeRepo(asked.repo),),
    )


def _by_hand(
    job: str, asked: Asked, planned: NewRun, offered: Plan, values: Mapping[str, str]
) -> NewRun:
    facts = _facts(asked, planned, values)
    jobs = filled(with_needs((job,), offered.jobs), values)
    return replace(
        planned,
        key=f"{_key_prefix(job, asked)}{asked.event.comment}",
        kind=RunKind.MANUAL,
        actor=asked.person.actor,
        verdict=Verdict.PLANNED,
        reason="",
        problems=(),
        plan=on_branch(
            replace(offered, jobs=decided(jobs, facts), inputs=(), facts=facts), asked.pull.head_ref
        ),
    )


def _facts(asked: Asked, planned: NewRun, values: Mapping[str, str]) -> Facts:
    """What conditions read: the head as it is, started by hand. Conditions hold for whoever asks."""
    pull = asked.pull
    known = (planned.plan and planned.plan.facts) or Facts(
        branch=pull.head_ref,
        base=pull.base_ref,
        repo=asked.repo.name,
        draft=pull.is_draft,
        fork=pull.is_from_fork(asked.repo),
        labels=pull.labels,
    )
    return replace(known, event=RunKind.MANUAL, actor=asked.person.actor.login, inputs=dict(values))


def _key_prefix(job: str, asked: Asked) -> str:
    return f"{asked.repo.key} {RunKind.MANUAL} {asked.sha} pull/{asked.pull.number}/{job}:"
