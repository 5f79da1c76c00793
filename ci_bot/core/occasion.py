"""What a pipeline is planned for: an event as filters and conditions see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Changed:
    """The files that an event changes, relative to what it is compared with.

    `files` None: nobody can tell, and every path counts as changed; `reason` says why.
    """

    files: tuple[str, ...] | None
    reason: str = ""


#: Nothing that is planned reads which files changed.
NOT_ASKED: Final = Changed(None, "nobody asked")


@dataclass(frozen=True, slots=True)
class Facts:
    """The variables of conditions, by the names that they have there. Stored with the plan.

    https://github.com/google/cel-spec is the language; `docs/language.md` lists the variables.
    """

    event: str = ""  # push, pull_request, tag, merge_group, schedule, manual
    branch: str = ""  # of the head; "" for a tag
    base: str = ""  # the branch a pull request or a merge group goes to
    tag: str = ""
    repo: str = ""  # "owner/name"
    actor: str = ""  # login
    draft: bool = False
    fork: bool = False
    labels: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    #: Pattern → whether a file that matches it changed: what `changes("…")` answers, for every pattern
    #: of the file's conditions.
    changes: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One event that a pipeline is planned for."""

    facts: Facts
    changed: Changed = NOT_ASKED
    default_branch: str = ""
