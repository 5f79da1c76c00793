"""A Decision is data: everything that one event changes, written in one transaction.

Selectors rather than ids say which runs are touched, so that what is true at the moment of writing
counts and not what was true when the facts were gathered.
"""

from __future__ import annotations

from dataclasses import dataclass

from ci_bot.core.events import Actor, Repo
from ci_bot.core.model import Plan, Problem, RunKind, Verdict


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
    except_key: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """A new attempt of jobs of some runs of one commit.

    `job` None means everything that did not succeed, and if all succeeded, everything; a job's key
    means that job and what depends on it. What still runs is left alone.
    """

    repo_key: str
    sha: str
    runs: tuple[str, ...]  # ids
    job: str | None
    actor: Actor


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
class Decision:
    """What one event leads to. `reason` is recorded on the delivery: what was done, or why not."""

    reason: str
    create: tuple[NewRun, ...] = ()
    withdraw: tuple[Withdraw, ...] = ()
    retry: tuple[Retry, ...] = ()
    repos: tuple[SeeRepo | ForgetRepo, ...] = ()
