"""The access token that everything is done with: whose it is, what it may, when it ends. I/O.

https://docs.gitlab.com/api/personal_access_tokens/#get-details-on-a-personal-access-token
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.payload import Fields, WrongShape, shaped

NEEDED_SCOPE: Final = "api"
LACKS_SCOPE: Final = (
    "the access token {name} has the scopes {scopes}, and ci-bot needs api: make a new one, and put it "
    "in gitlab.token_file"
)
INACTIVE: Final = (
    "the access token {name} is revoked or has expired: make a new one, and put it in gitlab.token_file"
)


@dataclass(frozen=True, slots=True)
class TokenState:
    """GitLab's own answer about the token; `expires_at` in seconds since the epoch, None for never."""

    name: str
    user: int
    scopes: tuple[str, ...]
    is_active: bool
    expires_at: float | None


async def state(client: Client) -> TokenState:
    """The same for tokens of people, groups and projects."""
    return shaped(_state, await client.get("/personal_access_tokens/self"))


def _state(token: Fields) -> TokenState:
    scopes = token.data.get("scopes")
    if not isinstance(scopes, list):
        raise WrongShape("scopes must be a list")
    return TokenState(
        name=token.text("name"),
        user=token.id("user_id"),
        scopes=tuple(str(scope) for scope in scopes),
        is_active=token.flag("active"),
        expires_at=_midnight(token) if token.has("expires_at") else None,
    )


def _midnight(token: Fields) -> float:
    """It ends at midnight UTC of its date.

    https://docs.gitlab.com/user/profile/personal_access_tokens/#access-token-expiration
    """
    try:
        day = datetime.fromisoformat(token.name("expires_at"))
    except ValueError as error:
        raise WrongShape("expires_at must be a date") from error
    return (day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp()


def problems(token: TokenState) -> tuple[str, ...]:
    """One sentence each, the remedy included."""
    words = {"name": token.name, "scopes": ", ".join(token.scopes) or "none"}
    found = [INACTIVE] if not token.is_active else []
    if NEEDED_SCOPE not in token.scopes:
        found.append(LACKS_SCOPE)
    return tuple(text.format(**words) for text in found)
