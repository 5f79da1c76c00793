"""What a forge tells, can be asked, and can be asked to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.convergence import FoundCheck
from ci_bot.core.effects import Reaction
from ci_bot.core.events import Access, Actor, Event, Pull, Repo
from ci_bot.core.reconciling import Attempt, LastPush, OpenPull
from ci_bot.core.registration import MadeApp
from ci_bot.core.report.values import CheckReport, CommentReport, DeploymentReport, Spot


class Webhook(Protocol):
    """The pure half of a forge: from one HTTP request to one event.

    Call `require_signature` before the body is read, then `verify` on the raw bytes; the others may be
    called only after it returned. All are total: whatever the body holds, they return or raise what is
    named, in bounded time.
    """

    def require_signature(self, headers: Mapping[str, str]) -> None:
        """Raises `SignatureRefused` where the headers alone show that no body could be ours.

        So strangers cannot make us read, and hold, what they send.
        """
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises `SignatureRefused` unless the body is signed with our secret. Constant time.

        `headers` are case-insensitive. No secret configured means that everything is refused.
        """
        ...

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        """The event, or None for what asks nothing of us. Raises `BadDelivery`."""
        ...

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """The forge's id of this delivery; its redelivery has the same. Raises `BadDelivery`."""
        ...


class EventParser(Protocol):
    """What is left of a `Webhook` once a delivery is stored."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event | None:
        """The event, or None for what asks nothing of us. Raises `BadDelivery`."""
        ...


@dataclass(frozen=True, slots=True)
class CloneSource:
    """Where git gets a commit: an HTTP(S) URL without credentials, and a header's worth of them.

    `token` may be used for one checkout and must be written nowhere. "" for none needed.
    `refs` are tried when the server does not give out a commit by its bare sha.
    """

    url: str
    username: str
    token: str
    refs: tuple[str, ...] = ()


class ForgeFacts(Protocol):
    """What a forge can be asked. Any method may run concurrently with any other.

    All raise `ForgeBusy(seconds)` when the forge wants to be left alone, `ForgeDenied` when our
    permissions do not suffice, `ForgeError` for everything else, never a library's own exception.
    """

    async def read_file(self, repo: Repo, path: str, sha: str) -> bytes | None:
        """A file's content at a commit; None if it is not there (or is not a file).

        Raises `FileTooLarge` where the forge does not give it out for its size.
        """
        ...

    async def pull(self, repo: Repo, number: int) -> Pull: ...

    async def pulls_of_head(self, repo: Repo, sha: str) -> Sequence[Pull]:
        """Open pull requests of the same repository whose head is exactly this commit."""
        ...

    async def permission(self, repo: Repo, actor: Actor) -> Access:
        """What the account may do now. `Access.account` is whom the answer is about: compare it.

        Somebody the forge does not know there has `Permission.NONE`.
        """
        ...

    async def commit_message(self, repo: Repo, sha: str) -> str: ...

    async def clone_source(self, repo: Repo, pull: int | None) -> CloneSource:
        """Credentials for one fetch, read-only, for this repository alone."""
        ...

    async def changed_files(self, repo: Repo, question: OfPull | Between) -> ChangedFiles:
        """Paths that a pull request, or the way from one commit to another, changes; perhaps not all.

        Forges end such lists somewhere (GitHub after 3,000 and after 300 files). Status 404 in a
        `ForgeError`: one of the commits is not there, or they have nothing in common.
        """
        ...

    async def forced_at(self, repo: Repo, number: int) -> float | None:
        """When the head of a pull request was last moved by force, by the forge's clock; None if never."""
        ...


class ForgeReports(Protocol):
    """What a forge can be asked to show. Raises as `ForgeFacts` does.

    Handles are opaque strings that only the same adapter reads; they are stored.
    """

    async def publish(
        self, repo: Repo, spot: Spot, report: CheckReport, external_id: str, handle: str | None
    ) -> str:
        """Creates the check (handle None) or updates it; returns its handle.

        Safe to repeat with a handle. Without one it creates a second check: call `find` first when
        the outcome of an earlier call is unknown. A completed check is final: never updated.
        """
        ...

    async def find(self, repo: Repo, sha: str, name: str, external_id: str) -> FoundCheck | None:
        """Our own check with this external id, if the forge has it."""
        ...

    async def comment(self, repo: Repo, number: int, comment: CommentReport, handle: str | None) -> str:
        """Writes a comment: by handle, else by its marker among our own, else anew.

        So it is safe to repeat: the sticky comment and each reply stand there once.
        """
        ...

    async def react(self, repo: Repo, number: int, comment: int, reaction: Reaction) -> None:
        """Reacts to a comment on a pull request. Safe to repeat; a comment that is gone is fine."""
        ...


class DeployingForge(Protocol):
    """A forge that shows where a commit is deployed. Raises as `ForgeFacts` does.

    `ForgeDenied` is its last word on a deployment: nothing of it is asked again.
    """

    async def create_deployment(
        self, repo: Repo, spot: Spot, report: DeploymentReport, external_id: str
    ) -> str:
        """Its handle. It has no state until it is updated.

        Each call makes one more: call `find_deployment` first when the outcome of an earlier call is
        unknown.
        """
        ...

    async def find_deployment(
        self, repo: Repo, sha: str, report: DeploymentReport, external_id: str
    ) -> str | None:
        """The handle of our own deployment with this external id, if the forge has it."""
        ...

    async def update_deployment(self, repo: Repo, handle: str, report: DeploymentReport) -> None:
        """Safe to repeat: the newest state counts."""
        ...


class ReconcilingForge(Protocol):
    """A forge that can be asked what it failed to tell, and what it has. Raises as `ForgeFacts` does."""

    async def attempts(self, repos: Sequence[Repo], since: float) -> Sequence[Attempt]:
        """Its deliveries to us that ended after `since`, the newest of them at least.

        `repos` are all that it is served for: a forge whose hooks hang at these looks there, at a part of
        them perhaps.
        """
        ...

    async def redeliver(self, attempt: Attempt) -> None:
        """Asks for one of them again. It comes with the delivery id of the first."""
        ...

    async def open_pulls(self, repo: Repo, since: float) -> Sequence[OpenPull]:
        """Open pull requests about which anything changed after `since`; perhaps not all."""
        ...

    async def default_branch(self, repo: Repo) -> str:
        """Its name now; deliveries about an installation do not say it."""
        ...

    async def last_push(self, repo: Repo, branch: str) -> LastPush | None:
        """None where the branch is gone, or where the forge keeps no record of who moved it."""
        ...


class TokenExpiry(Protocol):
    """The access token of a forge that ends some day. Raises as `ForgeFacts` does."""

    async def expires_at(self) -> float | None:
        """In seconds since the epoch; None for never."""
        ...


@dataclass(frozen=True, slots=True)
class ForgeCall:
    """One request to a forge, for whoever counts them.

    `endpoint` is the template of its address, so its values are few; `status` is "2xx", the status of a
    refusal, or "none" for no answer. `left` is what the forge says may still be asked this hour, -1 if
    it says nothing.
    """

    tenant: str  # whose budget it is: GitHub's installation, "gitlab"; "" for the App's own
    endpoint: str  # "/commits/{sha}/check-runs"
    status: str
    seconds: float
    left: int


#: Hears every request after its answer. Must not raise or wait.
OnCall = Callable[[ForgeCall], None]


@dataclass(frozen=True, slots=True)
class AppForm:
    """What a browser posts to the forge, as the field `manifest`, to have an App made."""

    url: str
    manifest: str


class AppMaking(Protocol):
    """An App of our own, made by a person on the forge's pages from a form that we fill in."""

    def form(self, state: str) -> AppForm:
        """`state` comes back with the person, beside a code."""
        ...

    async def exchange(self, code: str) -> MadeApp:
        """What the code stands for; good once. Raises `RegistrationRefused`, or as `ForgeFacts` does."""
        ...
