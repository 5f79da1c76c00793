"""Who is calling, and what they may do: tokens with scopes and expiry, members with inherited levels."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import ApiError, forbidden, not_found, unauthorized
from .state import GUEST, NO_ACCESS, OWNER, Group, Member, Project, Token, User, World


@dataclass(frozen=True, slots=True)
class Caller:
    token: Token | None = None

    @property
    def user(self) -> User | None:
        return self.token.user if self.token is not None else None

    @property
    def who(self) -> str:
        """A name for the ledger and the limits; never the token."""
        return f"user:{self.token.user.username}" if self.token is not None else "anonymous"


ANONYMOUS = Caller()
#: What a token may be for: https://docs.gitlab.com/security/tokens/#access-token-scopes.
SCOPES = ("api", "read_api", "read_user", "read_repository", "write_repository", "self_rotate")
DAY = 86_400.0


def today(offset: int = 0) -> str:
    return datetime.fromtimestamp(time.time() + offset * DAY, UTC).strftime("%Y-%m-%d")


def is_over(expires_on: str | None) -> bool:
    """A token or a membership ends at midnight UTC of its date."""
    return expires_on is not None and expires_on <= today()


def make_token(
    world: World, user: User, name: str, scopes: tuple[str, ...], expires_on: str | None
) -> Token:
    text = f"glpat-{secrets.token_urlsafe(15)}"
    token = Token(world.next_id("token"), text, user, name, scopes, expires_on)
    world.tokens[text] = token
    return token


def identify(world: World, headers: Mapping[str, str], query: Mapping[str, str]) -> Caller:
    """https://docs.gitlab.com/api/rest/authentication/; raises 401 for a token that is not good (any more)."""
    text = headers.get("PRIVATE-TOKEN") or query.get("private_token")
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if text is None and scheme.lower() == "bearer":
        text = value.strip()
    return ANONYMOUS if text is None else by_token(world, text)


def by_token(world: World, text: str) -> Caller:
    """The three ways a token can be bad have words of their own (lib/api/api_guard.rb)."""
    token = world.tokens.get(text)
    if token is None:
        raise unauthorized()
    if token.revoked:
        raise _bad_token("Token was revoked. You have to re-authorize from the user.")
    if is_over(token.expires_on):
        raise _bad_token("Token is expired. You can either do re-authorization or token refresh.")
    if token.user.state != "active":
        raise forbidden("403 Forbidden - Your account has been blocked.")
    token.last_used_at = time.time()
    return Caller(token)


def _bad_token(words: str) -> ApiError:
    return ApiError(401, {"error": "invalid_token", "error_description": words})


def basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise unauthorized() from error


def demand_scope(caller: Caller, allowed: tuple[str, ...]) -> None:
    """One of them; 403 ``insufficient_scope`` otherwise (lib/api/api_guard.rb)."""
    if caller.token is not None and not set(allowed) & set(caller.token.scopes):
        words = "The request requires higher privileges than provided by the access token."
        said = {"error": "insufficient_scope", "error_description": words, "scope": " ".join(allowed)}
        raise ApiError(403, said)


def members_of(place: Project | Group) -> dict[int, Member]:
    """All of them, inherited ones too, each once with the highest level.

    https://docs.gitlab.com/api/project_members/#list-all-members-of-a-project: of a project in a
    person's own namespace that person is an owner.
    """
    found: dict[int, Member] = {}
    for held in _levels(place):
        for number, member in held.items():
            if number not in found or found[number].level < member.level:
                found[number] = member
    return found


def _levels(place: Project | Group) -> list[dict[int, Member]]:
    if isinstance(place, Project):
        own = [place.members, *(group.members for group in place.ancestors)]
        if isinstance(place.namespace, User):
            own.append({place.namespace.id: Member(place.namespace, OWNER)})
        return own
    found, group = [], place
    while True:
        found.append(group.members)
        if group.parent is None:
            return found
        group = group.parent


def level_of(user: User | None, place: Project | Group) -> int:
    """What GitLab itself goes by: nothing for the blocked and for memberships that are over."""
    if user is None or user.state != "active":
        return NO_ACCESS
    if user.admin:
        return OWNER
    members = [held[user.id] for held in _levels(place) if user.id in held]
    return max((m.level for m in members if not is_over(m.expires_on)), default=NO_ACCESS)


def may_see(user: User | None, place: Project | Group) -> bool:
    if place.visibility == "public" or (place.visibility == "internal" and user is not None):
        return True
    return level_of(user, place) >= GUEST


def demand(caller: Caller, place: Project | Group, level: int, what: str) -> None:
    """404 for what the caller may not see, 403 for what they may not do, 401 for strangers who write."""
    if not may_see(caller.user, place):
        raise not_found(what)
    held = level_of(caller.user, place)
    # What is public, everybody may read; https://docs.gitlab.com/user/permissions/.
    if held >= level or (level <= GUEST and held >= NO_ACCESS):
        return
    if caller.user is None:
        raise unauthorized()
    raise forbidden()


def may_push(user: User, project: Project, branch: str) -> bool:
    """https://docs.gitlab.com/user/project/repository/branches/protected/."""
    rule = project.protected.get(branch)
    return level_of(user, project) >= (30 if rule is None else max(rule.push, 30))


def may_update(user: User, project: Project, ref: str) -> bool:
    """Pushing or merging: what ``update_pipeline`` asks of a protected ref (app/policies/ci/pipeline_policy.rb)."""
    rule = project.protected.get(ref)
    held = level_of(user, project)
    return rule is None or any(0 < least <= held for least in (rule.push, rule.merge))
