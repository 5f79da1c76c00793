"""Tokens of the API: what they look like, whom they stand for, and what each may see and do."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from ci_bot.core.events import Access, Actor, Permission
from ci_bot.core.trust import Vouched

#: Random bytes that a token is made of.
TOKEN_BYTES: Final = 32
PREFIX: Final = "cibot_"
DEFAULT_LIFETIME: Final = "90d"
NEVER: Final = "never"

#: How often it is noted that a token was used, in seconds: a request must not cost a write each time.
USED_SECONDS: Final = 60.0

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no letter that looks like a digit
_DIGITS: Final = -(-TOKEN_BYTES * 8 // 5)
_TOKEN: Final = re.compile(rf"{PREFIX}[{_ALPHABET}]{{{_DIGITS}}}", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_LIFETIME: Final = re.compile(r"([1-9][0-9]{0,4})([hdwy])", re.ASCII)
_UNITS: Final = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600, "y": 365 * 24 * 3600}


class TokenScope(StrEnum):
    """What a token may be used for."""

    READ = "read"
    WRITE = "write"  # and to retry and cancel; never to approve


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is kept: by its hash alone. `repos` are keys of those that it may see."""

    id: str
    name: str
    sha256: str  # of its text, in hexadecimal
    scope: TokenScope
    repos: tuple[str, ...]
    created_at: float
    created_by: str
    expires_at: float | None = None  # None: never
    used_at: float | None = None
    revoked_at: float | None = None

    @property
    def actor(self) -> Actor:
        """For the record. No account of a forge has the number 0."""
        return Actor(0, f"token:{self.name}")

    @property
    def vouched(self) -> Vouched:
        """Whoever holds it has the power of a person with that permission."""
        may = Permission.WRITE if self.scope is TokenScope.WRITE else Permission.READ
        return Vouched(self.actor, Access(self.actor.id, may))

    def sees(self, repo_key: str) -> bool:
        return repo_key in self.repos


def text_of(random: bytes) -> str:
    """The token made of `TOKEN_BYTES` random bytes, as its holder writes it."""
    if len(random) != TOKEN_BYTES:
        raise ValueError(f"a token is made of {TOKEN_BYTES} bytes")
    number = int.from_bytes(random, "big")
    digits = (_ALPHABET[number >> shift & 31] for shift in range((_DIGITS - 1) * 5, -1, -5))
    return PREFIX + "".join(digits)


def is_token(text: str) -> bool:
    """Whether it has the form of one; that costs nothing to find out."""
    return _TOKEN.fullmatch(text) is not None


def digest(text: str) -> str:
    """What is kept of a token. It has 256 random bits, so a plain hash cannot be turned around."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_it(token: ApiToken, sha256: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(token.sha256.encode(), sha256.encode())


def refusal_of_token(token: ApiToken, now: float) -> str:
    """Why a token is not taken any more, "" if it is. Only who holds it may be told."""
    if token.revoked_at is not None:
        return f"the token {token.name} was revoked"
    if token.expires_at is not None and token.expires_at <= now:
        day = datetime.fromtimestamp(token.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"the token {token.name} expired on {day}"
    return ""


def has_to_be_noted(token: ApiToken, now: float) -> bool:
    """Whether the moment of its last use is so old that this one is to be written down."""
    return token.used_at is None or not 0 <= now - token.used_at < USED_SECONDS


def refusal_of_name(name: str, taken: Collection[str]) -> str:
    """Why a new token cannot bear this name, "" if it can. `taken` are those that count now."""
    if not _NAME.fullmatch(name):
        return f"{name!r} cannot name a token: write small letters, digits, dots and dashes, at most 63"
    if name in taken:
        return f"there is a token {name} already; revoke it first: ci-bot token revoke {name}"
    return ""


def lifetime(text: str) -> float | None:
    """Seconds, None for "never". Raises `ValueError` in words.

    "12h", "90d", "8w", "1y": a whole number of hours, days, weeks or years.
    """
    if text == NEVER:
        return None
    found = _LIFETIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no lifetime; write 12h, 90d, 8w, 1y or {NEVER}")
    return float(int(found[1]) * _UNITS[found[2]])
