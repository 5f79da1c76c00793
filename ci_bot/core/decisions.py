"""A Decision is data: everything that one event changes, written in one transaction.

Selectors rather than ids say which runs are touched, so that what is true at the moment of writing
counts and not what was true when the facts were gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ci_bot.core.effects import Effect
from ci_bot.core.events import Actor, Permission, Repo
from ci_bot.core.model import Inspection, Problem, RunKind, Verdict
from ci_bot.core.planned import Plan, Schedule
from ci_bot.core.trust import Ruling, Voucher


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to create, unless its natural key is there already.

    Where it is there but was superseded or cancelled (a head that came back), it is revived: what
    did not succeed gets a new attempt.
    """

    key: str
    repo: Repo
    kind: RunKind
    ref: str
    sha: str
    verdict: Verdict
    actor: Actor
    pull: int | None = None
    title: str = ""
    base_ref: str = ""
    base_sha: str = ""
    reason: str = ""
    problems: tuple[Problem, ...] = ()
    plan: Plan | None = None
    ruling: Ruling = Ruling.RUN
    vouchers: tuple[Voucher, ...] = ()
    head_at: float = 0.0
    inspection: Inspection | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Runs that nobody waits for any more: their unfinished jobs are cancelled.

    Matches every run of `repo_key` for which all given fields are equal, but never `except_key`.
    """

    repo_key: str
    reason: str  # "superseded by 1a2b3c4", "the pull request was closed"
    superseded: bool  # True: it no longer counts in the gate of its sha
    kind: RunKind | None = None
    pull: int | None = None
    ref: str | None = None
    sha: str | None = None
    verdict: Verdict | None = None
    key_prefix: str | None = None  # of the natural key
    except_key: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """A new attempt of jobs of some runs of one commit.

    `jobs` () means everything that did not succeed; keys mean those jobs. What depends on a retried
    job is retried with it, what still runs is left alone. `whole`: with (), everything, whatever it did.
    """

    repo_key: str
    sha: str
    runs: tuple[str, ...]  # ids
    actor: Actor
    jobs: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """Unfinished jobs of some runs are ended; `jobs` () means all of them."""

    runs: tuple[str, ...]  # ids
    reason: str  # "cancelled by @alice"
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approve:
    """Somebody let one commit run. Recorded; what it lets run stands in `create` or `trusted`."""

    repo_key: str
    sha: str
    pull: int | None
    author: int  # account id of the pull request's author, 0 for none
    voucher: Voucher
    comment: int | None  # the comment that said so; None for a button


@dataclass(frozen=True, slots=True)
class Disapprove:
    """The approvals that this comment gave are withdrawn: what has not started does not start."""

    repo_key: str
    comment: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveSecrets:
    """Runs that ran without secrets are trusted with them from now on; what failed is tried again."""

    runs: tuple[str, ...]  # ids
    voucher: Voucher


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who caused what, for the record. Secret values are never in it."""

    action: str  # "approve", "retry", "cancel", "run", "secret"
    actor: Actor
    permission: Permission
    repo_key: str
    sha: str = ""
    run: str = ""
    job: str = ""
    step: str = ""
    name: str = ""  # of a secret
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SeeRepo:
    """The repository as we now know it. First sight is recorded with the moment of writing."""

    repo: Repo
    locked: bool = False  # its secrets, until an administrator of a new owner confirms


@dataclass(frozen=True, slots=True)
class ForgetRepo:
    """ci-bot no longer serves it; `repo_key` ends with ":*" for a whole tenant."""

    forge: str
    repo_id: int | None
    tenant: str | None


@dataclass(frozen=True, slots=True)
class SetSchedules:
    """The schedules of a repository from now on: those in the file of its default branch.

    One that says what it said before keeps the moment at which it is due. `schedules` None: the file
    cannot be read, so they stay, and start nothing for the reason in `paused`.
    """

    repo_key: str
    sha: str  # the head of the default branch
    actor: Actor  # who brought it, and vouches for what its schedules start
    schedules: tuple[Schedule, ...] | None
    paused: str = ""
    default_branch: str = ""  # told of it where nothing else did


@dataclass(frozen=True, slots=True)
class TickTaken:
    """What became of one tick of a schedule; `run` is the natural key of what it started, "" for nothing."""

    schedule: str
    due_at: float
    outcome: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one event leads to. `reason` is recorded on the delivery: what was done, or why not.

    `once`: the key of the comment that asked for it. A comment commands once, whatever is delivered
    again under another delivery id (ids are not signed, and its approval may have been withdrawn since).
    """

    reason: str
    once: str = ""
    create: tuple[NewRun, ...] = ()
    withdraw: tuple[Withdraw, ...] = ()
    retry: tuple[Retry, ...] = ()
    cancel: tuple[Cancel, ...] = ()
    approve: tuple[Approve, ...] = ()
    disapprove: tuple[Disapprove, ...] = ()
    give_secrets: tuple[GiveSecrets, ...] = ()
    effects: tuple[Effect, ...] = ()
    audit: tuple[AuditLine, ...] = ()
    repos: tuple[SeeRepo | ForgetRepo, ...] = ()
    schedules: tuple[SetSchedules, ...] = ()
    ticked: tuple[TickTaken, ...] = ()


def together(decisions: Sequence[Decision]) -> Decision:
    """Several decisions of one event (a comment may hold several commands) as one."""
    if len(decisions) == 1:
        return decisions[0]
    parts: dict[str, Any] = {
        name: tuple(part for decision in decisions for part in getattr(decision, name))
        for name in (each.name for each in fields(Decision))
        if name not in ("reason", "once")
    }
    return Decision("; ".join(decision.reason for decision in decisions), **parts)
