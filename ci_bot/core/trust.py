"""Who may start what: a pure answer from what the forge said about the people behind a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ci_bot.core.events import Access, Actor, Permission


@dataclass(frozen=True, slots=True)
class Vouched:
    """A person behind a head, and what the forge answered about them; None if it did not answer."""

    actor: Actor
    access: Access | None

    @property
    def may_write(self) -> bool:
        """Fails closed: no answer, or one about another account, is a no."""
        return (
            self.access is not None
            and self.access.account == self.actor.id
            and self.access.permission >= Permission.WRITE
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether a head may start anything; `awaited` names whose word is missing."""

    is_granted: bool
    awaited: str = ""


def judge_head(
    *, from_fork: bool, people: Sequence[Vouched], brought_head: bool, was_trusted: bool
) -> Trust:
    """Whether the head of a pull request may run.

    A head in the repository itself was pushed by somebody who may push there. A head from a fork runs
    when the author of the pull request and the sender of the event that brought exactly this sha both
    may write. Any other event (reopened, another base) inherits what was decided about the sha; an
    unknown sha waits.
    """
    if not from_fork:
        return Trust(is_granted=True)
    if not brought_head:
        return Trust(was_trusted, "" if was_trusted else "this commit was never vouched for")
    strangers = list(dict.fromkeys(person.actor.login for person in people if not person.may_write))
    if not strangers:
        return Trust(is_granted=True)
    names = " and ".join(f"@{login}" for login in strangers)
    verb = "has" if len(strangers) == 1 else "have"
    return Trust(is_granted=False, awaited=f"{names} {verb} no write access to this repository")
