"""Which files an event changes: what is to be compared with what, and what the answers mean.

A pull request and a new branch are compared with where they left the other branch (git's three dots), a
push with what its branch had before (two dots): that is what each of them changes.
https://git-scm.com/docs/git-diff#Documentation/git-diff.txt-gitdiffoptionsmerge-basecommitcommit--path
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from ci_bot.core.events import NO_SHA, Pull, Repo
from ci_bot.core.occasion import Changed

NOTHING_BEFORE: Final = Changed(None, "there is nothing to compare the first push with")
OF_A_TAG: Final = Changed(None, "a tag is compared with nothing")
OF_A_SCHEDULE: Final = Changed(None, "a schedule is compared with nothing")


@dataclass(frozen=True, slots=True)
class OfPull:
    """What a pull request changes, against where it left its base."""

    number: int
    base: str  # sha
    head: str


@dataclass(frozen=True, slots=True)
class Between:
    """What the way from the last common commit of both to `head` changes."""

    base: str  # a sha, or a branch
    head: str  # sha


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """A forge's answer: paths, of renamed files both names."""

    paths: tuple[str, ...]
    is_whole: bool  # False where the forge ends its list somewhere
    leads_on: bool = True  # False where the base is not among the commits behind the head
    start: str = ""  # the last common commit, as far as the answer tells


#: What to ask for; or the answer, where nobody need be asked.
Question: TypeAlias = OfPull | Between | Changed


def of_pull(pull: Pull) -> OfPull:
    return OfPull(pull.number, pull.base_sha, pull.head_sha)


def of_push(repo: Repo, branch: str, before: str, sha: str) -> Question:
    """A new branch is compared with the default branch, so that one without new commits changes nothing."""
    if before and before != NO_SHA:
        return Between(before, sha)
    if not repo.default_branch or branch == repo.default_branch:
        return NOTHING_BEFORE
    return Between(repo.default_branch, sha)


def of_merge_group(base_sha: str, sha: str) -> Question:
    return Between(base_sha, sha)


def was_forced(question: OfPull | Between, found: ChangedFiles) -> bool:
    """A branch was moved to commits that its old ones are not behind: then what these had is gone, too.

    A branch that is new is not expected to hold the default branch's newest commits.
    """
    return isinstance(question, Between) and _is_sha(question.base) and not found.leads_on


def backwards(question: Between) -> Between:
    return Between(question.head, question.base)


def both_ways(there: ChangedFiles, back: ChangedFiles) -> ChangedFiles:
    """All that either side changed since they parted. What both changed alike is no difference, and is
    counted nevertheless: forges compare with three dots alone.
    """
    paths = tuple(dict.fromkeys((*there.paths, *back.paths)))
    return ChangedFiles(paths, there.is_whole and back.is_whole)


def _is_sha(name: str) -> bool:
    return len(name) in (40, 64) and set(name) <= set("0123456789abcdef")
