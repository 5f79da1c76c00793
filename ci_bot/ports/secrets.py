"""The store of secrets, tokens and the audit, and the vault that opens. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ci_bot.core.decisions import AuditLine
from ci_bot.core.model import JobRun, Run
from ci_bot.core.planned import Step
from ci_bot.core.secret_rules import StoredSecret
from ci_bot.core.tokens import ApiToken


class Secrets(Protocol):
    """Stored secrets, encrypted. Raises `StoreError`. Nothing here sees a value."""

    async def current(self, scopes: Sequence[str], names: Sequence[str]) -> Sequence[StoredSecret]:
        """The values that count now; one name may stand in several scopes."""
        ...

    async def every(self, scopes: Sequence[str], names: Sequence[str]) -> Sequence[StoredSecret]:
        """Retired ones too: a step that still runs may have been given one of them."""
        ...

    async def is_locked(self, repo_key: str) -> bool:
        """Whether the repository was transferred and nobody has confirmed its new owner yet."""
        ...


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines of the audit: everything that is given must hold. A default asks for nothing."""

    repo: str = ""  # its key
    actor: str = ""  # login, or `token:NAME`; as forges compare names: without case
    action: str = ""  # whole, or its first word: "token" for "token create" and "token revoke"
    since: float = 0.0  # seconds since the epoch
    run: str = ""  # what names the run, or without naming any run its commit in its repository


class Audit(Protocol):
    """The record of who caused what, for what has no decision of its own. Raises `StoreError`."""

    async def write(self, lines: Sequence[AuditLine]) -> None:
        """Durable when it returns."""
        ...


class Tokens(Protocol):
    """The API's tokens, as they are now: a token that is revoked is so at once. Raises `StoreError`.

    Of the repositories of a token only those are named that ci-bot still serves, and whose owner
    nobody has to confirm.
    """

    async def by_hash(self, sha256: str) -> ApiToken | None: ...

    async def by_id(self, id: str) -> ApiToken | None: ...

    async def used(self, token: ApiToken) -> None:
        """Notes that it was used now."""
        ...


class Vault(Protocol):
    """Secrets opened for steps, and nothing else. Raises `StoreError` and `SettingsError`."""

    async def open(self, run: Run, job: JobRun, step: Step) -> Mapping[str, str]:
        """Variable → value of every secret that the step names, each use in the audit before it returns.

        Raises `SecretRefused` in words if one of them is not for this step.
        """
        ...

    async def values(self, run: Run) -> Sequence[bytes]:
        """Everything that steps of this run may have been given, now or before: what to mask."""
        ...
