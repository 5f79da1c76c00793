"""The App's key in; tokens for one repository and the least permissions out. I/O.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ci_bot.core.errors import ForgeDenied, ForgeError, SettingsError
from ci_bot.core.events import Repo
from ci_bot.forges.github.api import THE_APP, Api, ForgeTime
from ci_bot.forges.github.permissions import Grant, in_words
from ci_bot.forges.payload import Fields, WrongShape

_T = TypeVar("_T")

#: The forge's clock may be behind ours; it refuses a life of more than ten minutes.
_ISSUED_BEFORE: Final = 60
_JWT_LIFE: Final = 8 * 60
#: A token is not handed out when it could expire under way.
_SPARE_LIFE: Final = 5 * 60

_BAD_KEY: Final = "the GitHub App's private key is not an RSA key in PEM: download a new one"


class AppKey:
    """Signs for the App. Raises `SettingsError` for what is not an RSA key."""

    def __init__(self, app_id: int, pem: str) -> None:
        self._app_id = app_id
        self._key = _rsa_key(pem)

    def jwt(self, now: float) -> str:
        """Valid from a minute before `now` (seconds since the epoch) until eight minutes after."""
        issued, expires = int(now) - _ISSUED_BEFORE, int(now) + _JWT_LIFE
        claims = {"iat": issued, "exp": expires, "iss": str(self._app_id)}
        return jwt.encode(claims, self._key, algorithm="RS256")


@lru_cache(maxsize=4)
def _rsa_key(pem: str) -> RSAPrivateKey:
    """Kept, since to read one means to check its primes: 30 ms. Raises `SettingsError`."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise SettingsError([_BAD_KEY]) from error
    if not isinstance(key, RSAPrivateKey):
        raise SettingsError([_BAD_KEY])
    return key


class NotGranted(ForgeDenied):
    """The installation's owner has not granted what was asked; the text names it."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    expires_at: float

    def is_good(self, time: ForgeTime) -> bool:
        return time.now() + _SPARE_LIFE < self.expires_at


#: Of the repository its number, or its name where that is all that is known.
_Key: TypeAlias = tuple[str, int | str, Grant]


class Tokens:
    """Installation tokens, minted when needed and kept while good.

    A repository whose `id` is 0 is asked for by its name. Any method may run concurrently with any
    other; who asks for what is being minted gets the same. `on_token` is called with each new token
    before anybody gets it: it must never be shown.
    """

    def __init__(self, api: Api, key: AppKey, on_token: Callable[[bytes], None]) -> None:
        self._api = api
        self._key = key
        self._on_token = on_token
        self._kept: dict[_Key, _Token] = {}
        self._minting: dict[_Key, asyncio.Task[_Token]] = {}

    async def get(self, repo: Repo, grant: Grant) -> str:
        """A token for this repository alone. Raises `NotGranted`, `ForgeDenied`, `ForgeError`."""
        key = _key(repo, grant)
        kept = self._kept.get(key)
        if kept is not None and kept.is_good(self._api.time):
            return kept.text
        task = self._minting.get(key)
        if task is None:
            task = asyncio.create_task(self._mint_and_keep(key), name="mint token")
            self._minting[key] = task
            task.add_done_callback(lambda done: self._minted(key, done))
        return (await asyncio.shield(task)).text  # others wait for it too

    def drop(self, repo: Repo, grant: Grant, text: str) -> None:
        """The forge no longer takes this token."""
        key = _key(repo, grant)
        kept = self._kept.get(key)
        if kept is not None and kept.text == text:
            del self._kept[key]

    async def as_app(self, url: str, **variables: str) -> Any:
        """Reads in the App's own name. Raises `ForgeDenied` where the forge does not know the key."""
        return await self._as_app("GET", url, variables, b"")

    async def page_as_app(self, url: str, **variables: Any) -> tuple[Any, str]:
        """A part of one of the App's own lists, and the cursor of the next part, "" for the last."""
        return await self._signed(lambda jwt: self._api.page(url, variables, jwt=jwt))

    async def post_as_app(self, url: str, **variables: Any) -> Any:
        """Asks for something in the App's own name, with an empty body."""
        return await self._as_app("POST", url, variables, b"")

    async def change_as_app(self, url: str, data: dict[str, Any]) -> Any:
        """Changes something of the App itself. Raises as `as_app` does."""
        return await self._as_app("PATCH", url, {}, data)

    async def revoke_all(self) -> None:
        """For shutdown. What cannot be revoked expires within the hour."""
        await asyncio.gather(*self._minting.values(), return_exceptions=True)
        kept, self._kept = self._kept, {}
        await asyncio.gather(*(self._revoke(key[0], token) for key, token in kept.items()))

    async def _revoke(self, tenant: str, token: _Token) -> None:
        try:
            await self._api.send(tenant, "DELETE", "/installation/token", {}, token=token.text)
        except ForgeError:
            return

    def _minted(self, key: _Key, task: asyncio.Task[_Token]) -> None:
        del self._minting[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have

    async def _mint_and_keep(self, key: _Key) -> _Token:
        token = await self._mint(*key)
        self._on_token(token.text.encode())
        time = self._api.time
        self._kept = {k: kept for k, kept in self._kept.items() if kept.is_good(time)}
        self._kept[key] = token
        return token

    async def _mint(self, tenant: str, repo: int | str, grant: Grant) -> _Token:
        url = "/app/installations/{tenant}/access_tokens"
        which = "repository_ids" if isinstance(repo, int) else "repositories"
        body = {which: [repo], "permissions": dict(sorted(grant))}
        try:
            answer = await self._as_app("POST", url, {"tenant": tenant}, body)
        except ForgeError as error:
            refusal = _mint_refusal(error.status, str(error), repo, grant)
            if refusal is None:
                raise
            raise refusal from error
        return _token_of(answer)

    async def _as_app(self, method: str, url: str, variables: dict[str, Any], data: Any) -> Any:
        return await self._signed(
            lambda jwt: self._api.send(THE_APP, method, url, variables, jwt=jwt, data=data)
        )

    async def _signed(self, ask: Callable[[str], Awaitable[_T]]) -> _T:
        """Once more after a 401: the answer told the forge's time, and ours may have been off."""
        for _ in range(2):
            try:
                return await ask(self._key.jwt(self._api.time.now()))
            except ForgeError as error:
                if error.status != 401:
                    raise
                refused = error
        raise ForgeDenied(f"the App id and private key do not go together ({refused})", 401)


class Identity:
    """Who the App is, where GitHub shows it as the author of something."""

    def __init__(self, app_id: int, tokens: Tokens) -> None:
        self._app_id = app_id
        self._tokens = tokens
        self._bot: str | None = None

    async def wrote(self, comment: Fields) -> bool:
        """Only GitHub's own word counts: the App's number, or, where it is left out, our bot's login.

        That is the App's slug, asked for once, and a suffix that no person's login can have.
        """
        if comment.has("performed_via_github_app"):
            return comment.object("performed_via_github_app").id("id") == self._app_id
        user = comment.object("user") if comment.has("user") else None
        return user is not None and user.name("login") == await self._login()

    async def _login(self) -> str:
        if self._bot is None:
            try:
                slug = Fields.of(await self._tokens.as_app("/app")).name("slug")
            except WrongShape as error:
                raise ForgeError("GitHub's answer does not name the App") from error
            self._bot = f"{slug}[bot]"
        return self._bot


def _key(repo: Repo, grant: Grant) -> _Key:
    return repo.tenant, repo.id or repo.name.partition("/")[2], grant


def _mint_refusal(status: int, text: str, repo: int | str, grant: Grant) -> ForgeDenied | None:
    """422 says in words alone whether it is about a permission or about the repository."""
    if status == 422 and "permission" in text.lower():
        hint = "grant it in the App's settings, then accept it for the installation"
        return NotGranted(f"the App is not granted {in_words(grant)}: {hint}", status)
    if status == 422:
        hint = "add it in the installation's settings"
        return ForgeDenied(f"the App is not installed on repository {repo}: {hint}", status)
    if status == 404:
        return ForgeDenied("the App's installation is gone: install it again", status)
    return None


def _token_of(answer: Any) -> _Token:
    """Nothing is assumed about the form of a token: it changed in 2026."""
    try:
        fields = Fields.of(answer)
        expires = datetime.fromisoformat(fields.name("expires_at"))
        return _Token(fields.text("token"), expires.timestamp())
    except (WrongShape, ValueError) as error:
        raise ForgeError("GitHub's answer holds no token") from error
