"""Who may start what, with which secrets: one table, from what is known about a commit to a ruling.

Identity is the forge's numeric account id and the permission that the forge reports at the moment of
acting. What cannot be read is a no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ci_bot.core.events import Access, Actor, Permission


class Ruling(StrEnum):
    """What the gate answers about one commit; recorded with its run, and kept by every retry."""

    RUN = "run"  # with the secrets that its steps name
    RUN_WITHOUT_SECRETS = "run_without_secrets"
    WAIT = "wait"  # until somebody with write access approves exactly this commit
    REFUSE = "refuse"  # no approval helps

    @property
    def may_start(self) -> bool:
        return self in (Ruling.RUN, Ruling.RUN_WITHOUT_SECRETS)


class Source(StrEnum):
    """Where a commit came from."""

    OWN = "own"  # a person brought it to the repository itself: a branch, a tag, a pull request of one
    OWN_BOT = "own_bot"  # an App did: the collaborators API does not know it
    FORK = "fork"
    QUEUE = "queue"  # the forge's merge queue made it, from what people with write access put there


class Standing(StrEnum):
    """What the forge says of the people behind a commit, taken together."""

    WRITERS = "writers"  # every one of them may write
    STRANGERS = "strangers"  # one may not, or the forge did not say
    RETURNING = "returning"  # strangers, but an earlier change of the author's was approved here


class Outsiders(StrEnum):
    """The operator's policy for heads from forks whose people may not write."""

    APPROVE = "approve"
    FIRST_TIME = "first-time"
    NEVER = "never"
    WITHOUT_SECRETS = "without-secrets"


class Bots(StrEnum):
    """The operator's policy for Apps that push to the repository itself (Renovate, Dependabot)."""

    WITHOUT_SECRETS = "without-secrets"
    RUN = "run"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class Policy:
    """Set for each repository by the operator, never by its pipeline."""

    outsiders: Outsiders = Outsiders.APPROVE
    bots: Bots = Bots.WITHOUT_SECRETS


#: Of strangers' heads from forks, not approved; and of those of people who had one approved before.
_OUTSIDERS: Final[Mapping[Outsiders, tuple[Ruling, Ruling]]] = MappingProxyType(
    {
        Outsiders.APPROVE: (Ruling.WAIT, Ruling.WAIT),
        Outsiders.FIRST_TIME: (Ruling.WAIT, Ruling.RUN_WITHOUT_SECRETS),
        Outsiders.NEVER: (Ruling.REFUSE, Ruling.REFUSE),
        Outsiders.WITHOUT_SECRETS: (Ruling.RUN_WITHOUT_SECRETS, Ruling.RUN_WITHOUT_SECRETS),
    }
)

_BOTS: Final[Mapping[Bots, Ruling]] = MappingProxyType(
    {
        Bots.WITHOUT_SECRETS: Ruling.RUN_WITHOUT_SECRETS,
        Bots.RUN: Ruling.RUN,
        Bots.APPROVE: Ruling.WAIT,
    }
)


def rule(source: Source, standing: Standing, policy: Policy, *, approved: bool) -> Ruling:
    """The table. `approved`: somebody with write access, not its author, approved this very commit."""
    unapproved = _unapproved(source, standing, policy)
    if unapproved is Ruling.REFUSE:
        return Ruling.REFUSE
    return Ruling.RUN if approved else unapproved


def _unapproved(source: Source, standing: Standing, policy: Policy) -> Ruling:
    match source:
        case Source.QUEUE:
            return Ruling.RUN
        case Source.OWN_BOT:
            return _BOTS[policy.bots]
        case Source.OWN:
            return Ruling.RUN if standing is Standing.WRITERS else Ruling.WAIT
        case Source.FORK:
            if standing is Standing.WRITERS:
                return Ruling.RUN
            first, returning = _OUTSIDERS[policy.outsiders]
            return returning if standing is Standing.RETURNING else first


# ── the people behind a commit ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Vouched:
    """A person, and what the forge answered about them; None if it would not say."""

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

    @property
    def may_approve(self) -> bool:
        """Whether their word lets run what others wrote."""
        return self.may_write and self.access is not None and self.access.may_approve

    @property
    def permission(self) -> Permission:
        """What may be relied on: nothing, where the answer is about somebody else."""
        if self.access is None or self.access.account != self.actor.id:
            return Permission.NONE
        return self.access.permission


class Role(StrEnum):
    """What somebody did that a run's trust rests on."""

    AUTHOR = "author"  # of the pull request
    SENDER = "sender"  # of the event that brought this sha
    APPROVER = "approver"
    QUEUE = "queue"  # the forge's merge queue, which takes what people with write access put there
    POLICY = "policy"  # an App that the operator's policy trusts

    @property
    def is_a_persons_word(self) -> bool:
        """Whether it holds only as long as that person may write."""
        return self in (Role.AUTHOR, Role.SENDER, Role.APPROVER)


@dataclass(frozen=True, slots=True)
class Voucher:
    """Somebody a run's trust rests on, and what they might do when they were asked about, at `at`."""

    actor: Actor
    role: Role
    permission: Permission
    at: float

    @property
    def holds(self) -> bool:
        return self.permission >= Permission.WRITE


@dataclass(frozen=True, slots=True)
class Trust:
    """A ruling, and whom it rests on; `awaited` says in words whose word is missing."""

    ruling: Ruling
    vouchers: tuple[Voucher, ...] = ()
    awaited: str = ""


def standing(people: Sequence[Vouched], *, returning: bool = False) -> Standing:
    """Of all the people behind a commit, at least one. Nobody to ask about is nobody to trust."""
    if people and all(person.may_write for person in people):
        return Standing.WRITERS
    return Standing.RETURNING if returning else Standing.STRANGERS


def judge(
    source: Source,
    people: Sequence[tuple[Role, Vouched]],
    policy: Policy,
    *,
    approvals: Sequence[Voucher] = (),
    returning: bool = False,
    brought: bool = True,
    now: float,
) -> Trust:
    """Rules about a commit nobody has ruled about yet.

    `people` are the author and the sender of the event that brought the commit; `approvals` those who
    approved it and were asked about at the time. `brought` False: the event is about a commit that
    it did not bring and that is not known (reopened, another base), so that nobody vouches for it.
    """
    vouched = [person for _, person in people] if brought else []
    ruling = rule(source, standing(vouched, returning=returning), policy, approved=bool(approvals))
    by_policy = source is Source.OWN_BOT and policy.bots is Bots.RUN
    seen = tuple(
        Voucher(person.actor, Role.POLICY, Permission.WRITE, now)
        if by_policy
        else _voucher(source, role, person, now)
        for role, person in people
    )
    return Trust(ruling, (*seen, *approvals), _awaited(ruling, source, people, brought=brought))


def _voucher(source: Source, role: Role, person: Vouched, now: float) -> Voucher:
    """What the forge itself vouches for does not depend on what the account may do."""
    if source is Source.QUEUE:
        return Voucher(person.actor, Role.QUEUE, Permission.WRITE, now)
    return Voucher(person.actor, role, person.permission, now)


def inherited(ruling: Ruling, vouchers: Sequence[Voucher], awaited: str) -> Trust:
    """A commit that was ruled about keeps what was ruled, whatever is done to its pull request."""
    return Trust(ruling, tuple(vouchers), awaited)


def _awaited(
    ruling: Ruling, source: Source, people: Sequence[tuple[Role, Vouched]], *, brought: bool
) -> str:
    if ruling.may_start:
        return ""
    if ruling is Ruling.REFUSE:
        return "this repository runs nothing for people without write access"
    if source is Source.OWN_BOT:
        names = _names([person.actor.login for _, person in people])
        return f"{names} is a bot, and its commits wait for a person here"
    if not brought:
        return "this commit was never vouched for"
    strangers = [person.actor.login for _, person in people if not person.may_write]
    verb = "has" if len(set(strangers)) == 1 else "have"
    return f"{_names(strangers)} {verb} no write access to this repository"


def _names(logins: Sequence[str]) -> str:
    return " and ".join(f"@{login}" for login in dict.fromkeys(logins)) or "whoever pushed this"


def to_ask_again(
    vouchers: Sequence[Voucher], now: float, seconds: float, heard: Mapping[int, float]
) -> tuple[Voucher, ...]:
    """Those whose word counts while they may write, and who were not asked about in the last `seconds`.

    Each account once, whatever its roles. `heard`: account → when the forge last said that it may write.
    """
    counting = {
        voucher.actor.id: voucher
        for voucher in sorted(vouchers, key=lambda voucher: voucher.at)
        if voucher.role.is_a_persons_word and voucher.holds
    }
    return tuple(
        voucher
        for account, voucher in counting.items()
        if max(voucher.at, heard.get(account, voucher.at)) + seconds < now
    )


def lost(voucher: Voucher, now: Vouched) -> str:
    """Why a run may not go on because of this voucher, "" where it still holds."""
    if now.may_approve or (now.may_write and voucher.role is not Role.APPROVER):
        return ""
    gone = "may not approve" if now.may_write else "has no write access"
    return f"@{voucher.actor.login}, who vouched for this commit, {gone} any more"


def outsider(ruling: Ruling, vouchers: Sequence[Voucher]) -> Actor | None:
    """The person without write access who wrote what runs, if that is so; the author before the sender."""
    if not is_outsiders(ruling, vouchers):
        return None
    wrote = (voucher for voucher in vouchers if voucher.role in (Role.AUTHOR, Role.SENDER))
    return next((each.actor for each in wrote if not each.holds and not each.actor.is_bot), None)


def is_outsiders(ruling: Ruling, vouchers: Sequence[Voucher]) -> bool:
    """Whether somebody without write access wrote what runs, also where a person approved it."""
    return ruling is not Ruling.RUN or any(not voucher.holds for voucher in vouchers)
