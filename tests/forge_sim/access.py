"""Who is calling, and whether they may: App JWTs, installation tokens, people's tokens, strangers."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from typing import Literal

import jwt

from .errors import ApiError, forbidden, not_found
from .state import RANK, Account, App, Installation, InstallationToken, Repo, World, covers

_LEVEL = {"read": 1, "write": 2, "admin": 3}
_MOST_JWT_LIFE = 600


@dataclass(frozen=True, slots=True)
class Caller:
    kind: Literal["app", "installation", "user", "anonymous"]
    app: App | None = None
    token: InstallationToken | None = None
    user: Account | None = None

    @property
    def who(self) -> str:
        """A name for the ledger and the limits; never the token."""
        if self.token is not None:
            return f"installation:{self.token.installation.id}"
        if self.app is not None:
            return f"app:{self.app.slug}"
        return f"user:{self.user.login}" if self.user is not None else "anonymous"

    @property
    def account(self) -> Account:
        """Whom the forge names as the author of what this caller does."""
        if self.user is not None:
            return self.user
        if self.app is not None:
            return self.app.bot
        raise ApiError(401, "Requires authentication")


ANONYMOUS = Caller("anonymous")


def identify(world: World, authorization: str | None) -> Caller:
    """The caller of an API request; raises 401 for credentials that are not good (any more)."""
    if not authorization:
        return ANONYMOUS
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() == "basic":
        return by_token(world, basic_password(token))
    if scheme.lower() not in ("bearer", "token"):
        raise ApiError(401, "Bad credentials")
    if token.startswith("eyJ") and scheme.lower() == "bearer":
        return Caller("app", app=app_of_jwt(world, token))
    return by_token(world, token)


def basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(401, "Bad credentials") from error


def by_token(world: World, token: str) -> Caller:
    user = world.user_tokens.get(token)
    if user is not None:
        return Caller("user", user=user)
    held = world.tokens.get(token)
    if held is None or held.expires_at <= time.time():
        raise ApiError(401, "Bad credentials")
    if held.installation.id not in world.installations:
        raise ApiError(401, "Bad credentials")
    if held.installation.suspended_at is not None:
        raise ApiError(403, "This installation has been suspended")
    return Caller("installation", app=held.installation.app, token=held)


def app_of_jwt(world: World, token: str) -> App:
    """https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app."""
    try:
        if jwt.get_unverified_header(token).get("alg") != "RS256":
            raise ApiError(401, "A JSON web token could not be decoded")
        claims = jwt.decode(token, options={"verify_signature": False})
        app = _issuer(world, claims.get("iss"))
        options = {"verify_iss": False, "verify_iat": False, "require": ["exp", "iat"]}
        claims = jwt.decode(token, app.public_key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    except jwt.PyJWTError as error:
        raise ApiError(401, f"A JSON web token could not be decoded: {error}") from error
    now = time.time()
    if claims["exp"] > now + _MOST_JWT_LIFE:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    if claims["iat"] > now + 1:
        raise ApiError(401, "'Issued at' claim ('iat') must be in the past")
    return app


def _issuer(world: World, issuer: object) -> App:
    for app in world.apps.values():
        if str(issuer) in (str(app.id), app.client_id):
            return app
    raise ApiError(401, "Integration must generate a public key")


def mint(
    world: World,
    installation: Installation,
    permissions: dict[str, str],
    repo_ids: set[int] | None,
    seconds: float,
) -> InstallationToken:
    """A token in the form of April 2026, ``ghs_APPID_JWT``: long, with dots and dashes."""
    parts = [secrets.token_urlsafe(size) for size in (27, 150, 96)]
    text = f"ghs_{installation.app.id}_eyJ{'.'.join(parts)}"
    token = InstallationToken(text, installation, permissions, repo_ids, time.time() + seconds)
    world.tokens[text] = token
    return token


def permits(held: dict[str, str], name: str, level: str) -> bool:
    if name == "metadata" and level == "read":
        return True
    return _LEVEL.get(held.get(name, ""), 0) >= _LEVEL[level]


def reaches(caller: Caller, repo: Repo) -> bool:
    """Whether an installation token is for that repository."""
    assert caller.token is not None
    limited = caller.token.repo_ids
    if limited is not None and repo.id not in limited:
        return False
    return covers(caller.token.installation, repo)


def may_see(world: World, caller: Caller, repo: Repo) -> bool:
    if not repo.private:
        return True
    if caller.token is not None:
        return reaches(caller, repo)
    return caller.user is not None and world.role(caller.user, repo) != "none"


def demand(
    world: World,
    caller: Caller,
    repo: Repo,
    needed: tuple[tuple[str, str], ...],
    role: str | None,
) -> None:
    """One of the App permissions, or the person's role; 404 for what the caller may not see.

    ``role`` None keeps people out altogether (checks belong to Apps).
    """
    if caller.token is not None:
        _demand_of_installation(caller, repo, needed)
    elif caller.kind == "app":
        raise ApiError(403, "Resource not accessible by integration")
    elif not may_see(world, caller, repo):
        raise not_found()
    elif role is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    elif caller.user is None and role != "read":
        raise ApiError(401, "Requires authentication")
    elif caller.user is not None and RANK[world.role(caller.user, repo)] < RANK[role]:
        raise ApiError(403, f"Must have {role} access to Repository.")


def _demand_of_installation(caller: Caller, repo: Repo, needed: tuple[tuple[str, str], ...]) -> None:
    assert caller.token is not None
    if not reaches(caller, repo):
        raise not_found()
    if not any(permits(caller.token.permissions, name, level) for name, level in needed):
        raise forbidden()
