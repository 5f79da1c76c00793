"""The access token that everything is done with: whose it is, what it may, when it ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenState:
    """GitLab's own answer about the token; `expires_at` is the moment (seconds since the epoch) it ends, None for never."""

    name: str
    user: int
    scopes: tuple[str, ...]
    is_active: bool
    expires_at: float | None
