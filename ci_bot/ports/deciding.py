"""The store, where events become decisions and effects. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ci_bot.core.decisions import Decision
from ci_bot.core.effects import Effect
from ci_bot.core.model import Run
from ci_bot.core.reconciling import KnownRepo
from ci_bot.core.trust import Voucher


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified request of a forge that asks for something."""

    forge: str
    delivery_id: str
    headers: Mapping[str, str]  # the few that `Webhook.parse` reads
    body: bytes
    turn: str = ""  # those with the same one are decided one after the other; "" waits for nobody


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery that waits to be decided. `tries` counts the attempts before this one."""

    id: int
    delivery: Delivery
    received_at: float
    tries: int


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """`reason` says what was decided, or what went wrong at the last attempt. `body` is the delivery's."""

    is_decided: bool
    is_set_aside: bool
    reason: str
    body: bytes = field(default=b"", compare=False, repr=False)


class Inbox(Protocol):
    """Deliveries, from the moment they are durable until they are decided. Raises `StoreError`."""

    async def put(self, delivery: Delivery) -> bool:
        """Durable when it returns. False if the same id with the same body is there already.

        One that was set aside is taken up again.
        """
        ...

    async def pending(self, limit: int, busy: Collection[str] = ()) -> Sequence[StoredDelivery]:
        """Undecided deliveries that are due, oldest first: of each turn the first alone, of `busy` none."""
        ...

    async def fail(self, id: int, reason: str, retry_at: float | None) -> None:
        """An attempt to decide failed; `retry_at` None sets the delivery aside for good, visibly."""
        ...

    async def outcome(self, forge: str, delivery_id: str) -> DeliveryOutcome | None:
        """What became of a delivery; None if there is none of that id."""
        ...


class Decisions(Protocol):
    """Writes what was decided."""

    async def commit(self, decision: Decision, delivery: int | None) -> Sequence[str]:
        """All of the decision and the end of the delivery, at once. Returns ids of the runs touched."""
        ...

    async def runs_of_head(self, repo_key: str, sha: str) -> Sequence[Run]:
        """Every run of a commit, oldest first."""
        ...

    async def push_after(self, repo_key: str, branch: str, sha: str) -> Run | None:
        """The newest run of a push that moved the branch on from `sha`."""
        ...


class Repositories(Protocol):
    """What ci-bot serves. Written with decisions. Raises `StoreError`."""

    async def served(self) -> Sequence[KnownRepo]:
        """Every repository that was not taken from us, longest known first."""
        ...


class Approvals(Protocol):
    """Who let which commits of outsiders run. They are written with decisions."""

    async def of(self, repo_key: str, sha: str, pull: int | None) -> Sequence[Voucher]:
        """Those of this very commit that were not withdrawn; `pull` None for a commit of no pull request."""
        ...

    async def had_one(self, repo_key: str, author: int) -> bool:
        """Whether any change of this account was ever approved here."""
        ...


@dataclass(frozen=True, slots=True)
class StoredEffect:
    """An effect that is to be performed. `tries` counts the attempts before this one."""

    id: int
    effect: Effect
    tries: int


class Effects(Protocol):
    """What is to be done on forges besides the reports, until it is done. Raises `StoreError`.

    They are written with decisions; of several with the same key the first alone is kept.
    """

    async def due(self, limit: int) -> Sequence[StoredEffect]:
        """Those that may be performed now, longest waiting first."""
        ...

    async def runs(self, keys: Sequence[str]) -> Sequence[Run]:
        """Runs by their natural keys, for effects that wait for them."""
        ...

    async def done(self, id: int, then: Sequence[Effect] = ()) -> None:
        """`then` are to be performed next, stored in the same transaction."""
        ...

    async def postpone(self, id: int, until: float, error: str) -> None:
        """Not due before `until`; an error, other than "", counts as an attempt."""
        ...

    async def give_up(self, id: int, error: str) -> None:
        """It failed for good, unless it is done or postponed after all; it is kept, with the reason."""
        ...
