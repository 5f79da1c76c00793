"""How people name repositories: "owner/name", "gitlab:group/group/name" where two forges have one of that name."""

from __future__ import annotations

from typing import Final

UNSEEN: Final = (
    "on GitHub, install the App there; on GitLab, `ci-bot gitlab connect` it; then the first push does"
)


def with_forge(name: str) -> tuple[str, str]:
    """("gitlab", "group/name"); the forge is "" where the name does not say it."""
    forge, _, path = name.rpartition(":")
    return forge, path
