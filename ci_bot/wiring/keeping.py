"""What the operator does with secrets and looks up: repositories by name, values and limits in, rows out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ci_bot.core.decisions import AuditLine
from ci_bot.core.errors import SettingsError, StoreError
from ci_bot.core.events import Repo
from ci_bot.core.queueing import Survey
from ci_bot.core.repo_names import UNSEEN, with_forge
from ci_bot.core.scheduling import Timed
from ci_bot.core.secret_rules import SecretLimits, StoredSecret, tenant_scope
from ci_bot.ports import AuditFilter
from ci_bot.secrets.keys import Keyring, PublicKey
from ci_bot.secrets.rest import Encrypted, RestKeys
from ci_bot.secrets.sealing import seal
from ci_bot.settings import Settings
from ci_bot.store import AuditStore, Database, LineStore, ScheduleStore, SecretStore
from ci_bot.system import SystemClock, SystemIds
from ci_bot.wiring.issuing import Issuing
from ci_bot.wiring.kept import is_missing, rest_keys, sealing_keys
from ci_bot.wiring.keyfiles import key_of, require_keys
from ci_bot.wiring.parts import allowance

NO_SEALING_KEY: Final = (
    "there is no sealing key in {}; give the server's public key: --key FILE (from its page /keys), or "
    "--server URL"
)
_KEY: Final = re.compile(r"[a-z]+:[1-9][0-9]*")

__all__ = [
    "AuditEntry",
    "Keeping",
    "PublicKey",
    "Rotation",
    "Scope",
    "open_keeping",
    "own_public_key",
    "seal",
]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a secret is kept; `shown` is its name for people."""

    key: str
    shown: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """`again`: how many stored secrets were encrypted anew; `sealed`: (repository, branch, name) to renew.

    `to_set`: (repository or scope, name) of stored ones whose key is lost.
    """

    again: int
    sealed: Sequence[tuple[str, str, str]]
    to_set: Sequence[tuple[str, str]]
    public: PublicKey


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A line of the audit, when it was written, and its repository's name: the key where none is known."""

    at: float  # seconds since the epoch
    line: AuditLine
    repo: str


class Keeping:
    """Opened by `open_keeping`; the server may run meanwhile."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._store = SecretStore(database)
        self._clock = SystemClock()
        self._audit = AuditStore(database, self._clock)
        self._line = LineStore(database, self._clock, allowance(settings))
        self._schedules = ScheduleStore(database, self._clock)
        self.tokens = Issuing(database, self._clock)

    async def repo(self, name: str) -> Scope:
        """By "owner/name", as ci-bot has seen it, or by "github:123". Raises `StoreError`."""
        if _KEY.fullmatch(name):
            return Scope(name, name)
        found = await self._named(name) if "/" in name.strip("/") else []
        if len(found) > 1:
            raise StoreError(_which(name, found))
        if not found:
            raise StoreError(
                f"ci-bot has not seen a repository {name} yet; {UNSEEN}. Or give its number: --repo "
                "github:NUMBER (gh api repos/OWNER/NAME --jq .id tells it), or gitlab:NUMBER (its project ID)"
            )
        return Scope(found[0].key, found[0].name)

    async def _named(self, name: str) -> Sequence[Repo]:
        forge, path = with_forge(name)
        return [repo for repo in await self._store.repos_named(path) if forge in ("", repo.forge)]

    async def organisation(self, name: str) -> Scope:
        """An organisation of GitHub, or a group at the top of GitLab. Raises `StoreError`."""
        found = await self._named(f"{name}/") if "/" not in name else []
        if len({repo.forge for repo in found}) > 1:
            raise StoreError(_which(name, found))
        scopes = {tenant_scope(repo) for repo in found}
        if len(scopes) != 1:
            raise StoreError(
                f"ci-bot has seen no repository of {name} yet (an organisation, or a group at the top); {UNSEEN}"
            )
        return Scope(scopes.pop(), name)

    async def set(self, scope: Scope, name: str, value: bytes, limits: SecretLimits, by: str) -> None:
        await require_keys(self._settings, self._store)
        now, keys = self._clock.now(), rest_keys(self._settings)
        bare = StoredSecret(SystemIds().new(), scope.key, name, "", b"", limits, now, by)
        encrypted = keys.encrypt(value, bare.identity)
        await self._store.save(_with_value(bare, encrypted))

    async def listed(self, scope: Scope) -> Sequence[StoredSecret]:
        return await self._store.listed(scope.key)

    async def remove(self, scope: Scope, name: str) -> bool:
        return await self._store.retire(scope.key, name, self._clock.now())

    async def unlock(self, scope: Scope) -> bool:
        return await self._store.unlock(scope.key)

    async def rotate(self, *, lost: bool = False) -> Rotation:
        """New keys for both; everything stored is encrypted with the new one before this returns.

        `lost`: keys that are gone are given up. Without it, raises `SettingsError` if a file is missing.
        """
        if not lost:
            await require_keys(self._settings, self._store)
        sealing = sealing_keys(self._settings).rotate()
        rest = rest_keys(self._settings).rotate()
        old = await self._store.made_with_other_keys(rest.current_id)
        readable = [secret for secret in old if rest.can_decrypt(_encrypted(secret))]
        for secret in readable:
            await self._encrypt_again(secret, rest)
        to_set = [
            (scope, secret.name)
            for secret, scope in await self._store.in_use()
            if not rest.can_decrypt(_encrypted(secret))
        ]
        return Rotation(len(readable), await self._to_renew(sealing), to_set, sealing.public)

    async def _encrypt_again(self, secret: StoredSecret, keys: RestKeys) -> None:
        value = keys.decrypt(_encrypted(secret), secret.identity)
        fresh = keys.encrypt(value, secret.identity)
        await self._store.encrypt_again(secret.id, secret.key_id, fresh.key_id, fresh.blob)

    async def _to_renew(self, keys: Keyring) -> list[tuple[str, str, str]]:
        return [
            (repo, branch, ref.name)
            for repo, branch, ref in await self._store.sealed_in_use()
            if key_of(ref.sealed) != keys.public.id
        ]

    async def schedules(self, repo_key: str | None) -> Sequence[Timed]:
        """None: of all repositories that are served."""
        return await self._schedules.listed(repo_key)

    async def audit(self, limit: int, wanted: AuditFilter) -> Sequence[AuditEntry]:
        """Newest first, with repositories by the names that they have now."""
        found = await self._audit.newest(limit, wanted)
        names = await self.tokens.repo_names({line.repo_key for _, line in found if line.repo_key})
        return [AuditEntry(at, line, names.get(line.repo_key, line.repo_key)) for at, line in found]

    async def queue(self) -> Survey:
        return await self._line.now()


def _which(name: str, found: Sequence[Repo]) -> str:
    choices = " or ".join(f"{forge}:{name}" for forge in sorted({repo.forge for repo in found}))
    return f"there is more than one {name}: say {choices}"


def _encrypted(secret: StoredSecret) -> Encrypted:
    return Encrypted(secret.key_id, secret.value)


def _with_value(bare: StoredSecret, encrypted: Encrypted) -> StoredSecret:
    return StoredSecret(
        id=bare.id,
        scope=bare.scope,
        name=bare.name,
        key_id=encrypted.key_id,
        value=encrypted.blob,
        limits=bare.limits,
        created_at=bare.created_at,
        created_by=bare.created_by,
    )


@asynccontextmanager
async def open_keeping(settings: Settings) -> AsyncIterator[Keeping]:
    """On the server's machine, as its user. Raises `StoreError`."""
    if is_missing(settings):
        raise StoreError(
            f"there is no ci-bot data in {settings.data_dir}; run this where the server runs, with its "
            "settings (--config)"
        )
    database = await Database.open(settings.database, migrate=False)
    try:
        yield Keeping(settings, database)
    finally:
        await database.close()


def own_public_key(settings: Settings) -> PublicKey:
    """This server's. Raises `SettingsError` where there is none yet."""
    if not (settings.keys / "sealing.key").exists():
        raise SettingsError([NO_SEALING_KEY.format(settings.keys)])
    return sealing_keys(settings).public
