"""What is done because of a decision, besides what the checks show: reactions, replies, notifications.

Effects are data. They are stored with their decision and performed later, each at most once visible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ci_bot.core.events import Repo
from ci_bot.core.model import Run, Verdict
from ci_bot.core.states import Status


class Reaction(StrEnum):
    """How a command is answered without words."""

    TAKEN = "eyes"
    DONE = "rocket"
    NOT_DONE = "-1"


@dataclass(frozen=True, slots=True)
class React:
    """A reaction to the comment of a command, at once."""

    repo: Repo
    comment: int
    reaction: Reaction
    pull: int = 0  # whose comment it is, which some forges want to know; 0 as older versions stored it

    @property
    def key(self) -> str:
        return f"{comment_key(self.repo, self.comment)}{self.reaction}"


@dataclass(frozen=True, slots=True)
class ReactAfter:
    """A reaction as soon as the jobs of these runs have ended: done where they succeeded.

    `runs` are natural keys. `is_done_by_ending`: their end is what was asked for (a cancel).
    """

    repo: Repo
    comment: int
    runs: tuple[str, ...]
    is_done_by_ending: bool = False
    pull: int = 0

    @property
    def key(self) -> str:
        return f"{comment_key(self.repo, self.comment)}end/{_short(chr(10).join(self.runs))}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A comment of ours on a pull request. Of several with one key the first alone is written."""

    repo: Repo
    pull: int
    body: str  # Markdown, everything foreign in it escaped
    about: str  # what it answers: a comment, or a refusal that is not to be repeated

    @property
    def key(self) -> str:
        return f"{self.repo.key}/pull/{self.pull}/{self.about}"


def comment_key(repo: Repo, comment: int) -> str:
    """What the keys of all reactions to one comment begin with."""
    return f"{repo.key}/comment/{comment}/"


class Turn(StrEnum):
    """What there is to tell of a branch."""

    FAILURE = "failure"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Turned:
    """The gate of a branch's head turned red, or green again: whoever wants to hear of it is told.

    Written for every branch, whoever listens: the newest one is what is known of the branch.
    """

    repo: Repo
    branch: str
    run: str  # the natural key of the branch's newest push
    turn: Turn
    failed: tuple[str, ...]  # names of jobs, or what else failed
    attempts: int  # of all jobs together: rises with each retry

    @property
    def key(self) -> str:
        return (
            f"{branch_prefix(self.repo.key, self.branch)}{_short(self.run)}/{self.attempts}/{self.turn}"
        )


@dataclass(frozen=True, slots=True)
class Tell:
    """One address is told of it."""

    of: Turned
    target: str

    @property
    def repo(self) -> Repo:
        return self.of.repo

    @property
    def key(self) -> str:
        return f"tell/{self.target}/{self.of.key}"


Effect: TypeAlias = React | ReactAfter | Reply | Turned | Tell


def branch_prefix(repo_key: str, branch: str) -> str:
    """What the keys of everything that is told of a branch begin with."""
    return f"{repo_key}/branch/{_short(branch)}/"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def reaction_after(effect: ReactAfter, runs: Sequence[Run]) -> Reaction | None:
    """The reaction that is due, None while a job of the runs is unfinished."""
    jobs = [job for run in runs for job in run.jobs]
    if not all(job.status.is_final for job in jobs):
        return None
    good = bool(runs) and all(_is_good(run) for run in runs)
    return Reaction.DONE if good or effect.is_done_by_ending else Reaction.NOT_DONE


def _is_good(run: Run) -> bool:
    if run.verdict is not Verdict.PLANNED:
        return run.verdict is Verdict.NOTHING_TO_RUN
    return all(job.tolerated or job.status in (Status.SUCCEEDED, Status.SKIPPED) for job in run.jobs)
