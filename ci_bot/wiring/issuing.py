"""What the operator does with tokens of the API: names, scopes and repositories in, a token (once) out."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ci_bot.core.decisions import AuditLine
from ci_bot.core.errors import StoreError
from ci_bot.core.events import Actor, Permission
from ci_bot.core.tokens import TOKEN_BYTES, ApiToken, TokenScope, digest, text_of
from ci_bot.ports import Clock
from ci_bot.store import Database, TokenStore
from ci_bot.system import SystemIds


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token, and the names of its repositories: a key where ci-bot knows none."""

    token: ApiToken
    repos: tuple[str, ...]


class Issuing:
    """Acts on the database itself: whoever may do that is the operator. Raises `StoreError`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._store = TokenStore(database, clock)
        self._clock = clock

    async def create(
        self, name: str, scope: TokenScope, repos: Sequence[str], seconds: float | None, by: str
    ) -> tuple[str, ApiToken]:
        """The token's text, which is kept nowhere. `repos` are keys; `seconds` None: for ever."""
        text, now = text_of(secrets.token_bytes(TOKEN_BYTES)), self._clock.now()
        token = ApiToken(
            id=SystemIds().new(),
            name=name,
            sha256=digest(text),
            scope=scope,
            repos=tuple(dict.fromkeys(repos)),
            created_at=now,
            created_by=by,
            expires_at=None if seconds is None else now + seconds,
        )
        if refusal := await self._store.create(token, _lines("token create", token, by)):
            raise StoreError(refusal)
        return text, token

    async def listed(self) -> Sequence[ListedToken]:
        found = await self._store.listed()
        names = await self.repo_names({key for token in found for key in token.repos})
        return [
            ListedToken(token, tuple(names.get(key, key) for key in token.repos)) for token in found
        ]

    async def repo_names(self, keys: Collection[str]) -> Mapping[str, str]:
        """Of those that ci-bot knows."""
        return await self._store.repo_names(keys)

    async def revoke(self, name: str, by: str) -> ApiToken | None:
        """None if there is none of that name. The server refuses it from the next request on."""
        for token in await self._store.listed():
            if token.name == name:
                await self._store.revoke(token.id, _lines("token revoke", token, by))
                return token
        return None


def _lines(action: str, token: ApiToken, by: str) -> list[AuditLine]:
    """One for each repository, so that each one's record is whole."""
    actor, detail = Actor(0, by), f"{token.scope}"
    return [
        AuditLine(action, actor, Permission.ADMIN, key, name=token.name, detail=detail)
        for key in token.repos
    ]
