"""What a command is decided from, and how it is answered: by a reaction, and by words where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.decisions import Decision, NewRun, SeeRepo, Withdraw
from ci_bot.core.effects import React, ReactAfter, Reaction, Reply
from ci_bot.core.events import Commented, Pull, Repo
from ci_bot.core.manners import manners_of, numbered, slashed
from ci_bot.core.markdown import code, escaped
from ci_bot.core.model import Run
from ci_bot.core.planned import Plan
from ci_bot.core.scheduling import Timed
from ci_bot.core.suggest import did_you_mean
from ci_bot.core.trust import Vouched

MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A command of somebody who may write, and what is known as it is decided.

    `pull` is the pull request as the forge has it now, `runs` are the live ones of its head, oldest
    first. `planned` is the run of that head as it would be made now, None where neither the head nor
    its base has a configuration; `approved` is the same with this person's approval. `offered` are all
    jobs of the head's file, whatever starts them; None where it cannot be read.
    """

    event: Commented
    person: Vouched
    pull: Pull
    runs: tuple[Run, ...]
    planned: NewRun | None
    approved: NewRun | None
    offered: Plan | None
    withdraw: tuple[Withdraw, ...]  # what `planned` takes the place of
    head_at: float | None  # since when the head is known to be there; None: not known
    forced_at: float | None
    now: float
    offers: tuple[tuple[str, str], ...] = ()  # usage and summary of every command
    prefix: str = ""
    timed: tuple[Timed, ...] = ()  # what the default branch's file starts by itself, due first first
    why_waiting: str = ""  # why no ready job starts, whoever asks; "" where they do

    @property
    def repo(self) -> Repo:
        return self.event.repo

    @property
    def sha(self) -> str:
        return self.pull.head_sha

    @property
    def gating(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.kind.is_gating)


def usage(prefix: str, words: str) -> str:
    """A command as it is written here: "/retry", or "/ci retry" with a prefix."""
    return slashed(prefix, words)


def taken(asked: Asked, decision: Decision, *runs: str, ends: bool = False) -> Decision:
    """It will be done: seen now, and answered again once the jobs of these runs (by key) have ended."""
    now = _react(asked.event, Reaction.TAKEN)
    then = ReactAfter(asked.repo, asked.event.comment, runs, ends, asked.event.pull)
    return replace(decision, effects=(*decision.effects, now, then))


def answered(asked: Asked, reason: str, body: str, name: str) -> Decision:
    """The answer is a text and nothing more is to be done."""
    done = _react(asked.event, Reaction.DONE)
    return _with_reply(asked, reason, body, name, done)


def refused(asked: Asked, reason: str, body: str, name: str) -> Decision:
    """It cannot be done; the text says why and what would help."""
    return _with_reply(asked, reason, body, name, _react(asked.event, Reaction.NOT_DONE))


def _with_reply(asked: Asked, reason: str, body: str, name: str, react: React) -> Decision:
    reply = Reply(asked.repo, asked.event.pull, body, f"comment/{asked.event.comment}/{name}")
    return Decision(reason, effects=(react, reply), repos=(SeeRepo(asked.repo),))


def turned_away(event: Commented, person: Vouched) -> Decision:
    """Somebody without write access is told so once on a pull request, however often they try."""
    login = escaped(person.actor.login)
    body = f"{login} has no write access here, and commands are taken from people who have."
    reason = f"@{person.actor.login} has no write access and may not command"
    return _without_asking(event, reason, body, f"turned-away/{person.actor.id}")


def too_late(event: Commented) -> Decision:
    manners = manners_of(event.repo.forge)
    body = f"This {manners.pull} is closed, so there is nothing to command here. Reopen it first."
    return _without_asking(event, f"{numbered(event.repo.forge, event.pull)} is closed", body, "closed")


def _without_asking(event: Commented, reason: str, body: str, about: str) -> Decision:
    react = _react(event, Reaction.NOT_DONE)
    reply = Reply(event.repo, event.pull, body, about)
    return Decision(reason, effects=(react, reply), repos=(SeeRepo(event.repo),))


def _react(event: Commented, reaction: Reaction) -> React:
    return React(event.repo, event.comment, reaction, event.pull)


def unknown_jobs(names: Sequence[str], known: Sequence[str]) -> str:
    """Words about names that no job has, "" where all are known."""
    wrong = [name for name in names if name not in known]
    if not wrong:
        return ""
    listed = ", ".join(code(name) for name in known[:MOST_NAMES])
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    there = f"The jobs here: {listed}{more}." if known else "There are no jobs here."
    hints = [f"There is no job {code(name)}{_meant(name, known)}." for name in wrong[:3]]
    return " ".join([*hints, there])


def _meant(name: str, known: Sequence[str]) -> str:
    hint = did_you_mean(name, known)
    return f"; {escaped(hint).rstrip('?')}?" if hint else ""


def keys_of(runs: Sequence[Run]) -> tuple[str, ...]:
    """What jobs of these runs are called by: the ids in `.ci.yaml`, then those of the cells of matrices."""
    jobs = [job for run in runs for job in run.jobs]
    return tuple(dict.fromkeys([*(job.family for job in jobs), *(job.key for job in jobs)]))
