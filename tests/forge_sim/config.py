"""What a simulated forge is started with: frozen values, in; nothing out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """The rate limits of https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.

    ``pushback_status`` and ``pushback_header`` choose how a *secondary* limit is answered:
    GitHub says 403 or 429, with or without ``retry-after``.
    """

    primary: int = 5000
    primary_window: float = 3600.0
    concurrent: int = 100
    points_a_minute: int = 900
    content_a_minute: int = 80
    content_an_hour: int = 500
    checks_are_content: bool = False
    pushback_status: int = 403
    pushback_header: bool = True
    pushback_seconds: int = 60
    # Requests already on their way when the limit was answered are not held against the caller.
    polite_grace: float = 0.5


@dataclass(frozen=True, slots=True)
class Config:
    """``description`` is GitHub's own api.github.com.json; without it nothing is validated."""

    data: Path
    port: int = 0
    host: str = "127.0.0.1"
    description: Path | None = None
    limits: Limits = field(default_factory=Limits)
    hook_timeout: float = 10.0
    token_lifetime: float = 3600.0
    nonmember_404: bool = False
