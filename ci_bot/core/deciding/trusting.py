"""Whom a head's trust rests on: the event, the people behind it and what is recorded of its commit → Trust."""

from __future__ import annotations

from collections.abc import Sequence

from ci_bot.core.events import Actor, Pull, PullRequestChanged, Repo
from ci_bot.core.model import Run, RunKind
from ci_bot.core.trust import Policy, Role, Ruling, Source, Trust, Vouched, Voucher, inherited, judge


def people_behind(repo: Repo, pull: Pull, actor: Actor) -> tuple[tuple[Role, Actor], ...]:
    """Of a fork's head its author and whoever brought it, one person once; of our own whoever brought it."""
    if not pull.is_from_fork(repo) or pull.author.id == actor.id:
        return ((Role.SENDER, actor),)
    return ((Role.AUTHOR, pull.author), (Role.SENDER, actor))


def source_of(repo: Repo, pull: Pull, event: PullRequestChanged | None, actor: Actor) -> Source:
    """Where the head of a pull request came from; a person who opens a bot's branch did not bring it."""
    if pull.is_from_fork(repo):
        return Source.FORK
    was_pushed = event is not None and bool(event.before)
    if actor.is_bot or (pull.author.is_bot and not was_pushed):
        return Source.OWN_BOT
    return Source.OWN


def recorded(runs: Sequence[Run], repo: Repo, pull: Pull) -> Trust | None:
    """What was ruled about this very commit, None if nothing was.

    A fork's commit is judged for each pull request; one of the repository itself is what its push made it.
    """
    if pull.is_from_fork(repo):
        mine = [run for run in runs if run.pull == pull.number and run.kind is RunKind.PULL_REQUEST]
    else:
        mine = [run for run in runs if run.kind in (RunKind.PUSH, RunKind.PULL_REQUEST)]
        mine = [run for run in mine if run.pull in (None, pull.number)]
    if not mine:
        return None
    first = next((run for run in mine if run.ruling.may_start), mine[-1])
    return inherited(first.ruling, first.vouchers, first.reason)


def trust_of_pull(
    repo: Repo,
    pull: Pull,
    event: PullRequestChanged | None,
    people: Sequence[tuple[Role, Vouched]],
    known: Trust | None,
    policy: Policy,
    approvals: Sequence[Voucher],
    *,
    actor: Actor,
    returning: bool,
    now: float,
) -> Trust:
    """`event` None: a command is about the head, and nobody knows who brought it.

    An event that brought the head is judged by its people; any other inherits what was ruled.
    """
    source = source_of(repo, pull, event, actor)
    if known is not None and not approvals and not _was_pushed(event, source):
        return known
    brought = _brought(event, source)
    return judge(
        source, people, policy, approvals=approvals, returning=returning, brought=brought, now=now
    )


def _brought(event: PullRequestChanged | None, source: Source) -> bool:
    """In the repository itself somebody with write access brought it, whoever speaks of it now."""
    return source is not Source.FORK or (event is not None and event.brought_head)


def _was_pushed(event: PullRequestChanged | None, source: Source) -> bool:
    """Whether this event brought the commit just now. To open a pull request of a branch brings nothing."""
    if event is None:
        return False
    return event.brought_head if source is Source.FORK else bool(event.before)


def source_of_push(actor: Actor) -> Source:
    return Source.OWN_BOT if actor.is_bot else Source.OWN


def granted() -> Trust:
    """For what no secret is asked for, and who may push here brought."""
    return Trust(Ruling.RUN)
