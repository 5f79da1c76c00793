"""How the people of a forge speak, and what its pages can show: what reports and answers depend on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Manners:
    """Of GitHub, where nothing else is said."""

    pull: str = "pull request"
    sign: str = "#"  # before its number
    pull_ref: str = "refs/pull/{number}/head"  # where git finds its head, in the base repository
    mark_ready: str = "mark the pull request as ready for review"
    #: What those are called who may approve what others wrote.
    approver: str = "somebody with write access"
    other_approver: str = "somebody else with write access"
    #: Whether a check shows Markdown, annotations and buttons; else it is a line of text and a link.
    has_checks: bool = True
    #: Whether `Repo.tenant` names the owner, so that another one means another owner, who was not told of.
    tenant_is_owner: bool = False
    #: What commands begin with where the operator chose nothing: "ci" for `/ci retry`.
    prefix: str = ""


#: GitLab takes lines of a note that begin with a slash and a word of its own for itself, `/approve` among
#: them, and nobody is told of what it took: https://docs.gitlab.com/user/project/quick_actions/
GITLAB: Final = Manners(
    pull="merge request",
    sign="!",
    pull_ref="refs/merge-requests/{number}/head",
    mark_ready="mark the merge request as ready",
    approver="a maintainer",
    other_approver="another maintainer",
    has_checks=False,
    tenant_is_owner=True,
    prefix="ci",
)

_MANNERS: Final = MappingProxyType({"gitlab": GITLAB})
_PLAIN: Final = Manners()


def manners_of(forge: str) -> Manners:
    """`forge` is `Repo.forge`."""
    return _MANNERS.get(forge, _PLAIN)


def numbered(forge: str, pull: int | None) -> str:
    """ "#12", or "!12"."""
    return f"{manners_of(forge).sign}{pull}"


def prefixes(forge: str, chosen: str) -> tuple[str, ...]:
    """What a command may begin with after its slash; the first is what we write ourselves.

    `chosen` is the operator's setting. Without one, the bare command counts wherever the forge lets it pass.
    """
    own = chosen or manners_of(forge).prefix
    return (own,) if chosen or not own else (own, "")


def command(forge: str, chosen: str, words: str) -> str:
    """A command as it is written there: "/retry", or "/ci retry"."""
    return slashed(prefixes(forge, chosen)[0], words)


def slashed(prefix: str, words: str) -> str:
    return f"/{prefix} {words}" if prefix else f"/{words}"
