"""How people name repositories: "owner/name", "gitlab:group/group/name" where two forges have one of that name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

UNSEEN: Final = (
    "on GitHub, install the App there; on GitLab, `ci-bot gitlab connect` it; then the first push does"
)


def is_named(forge: str, name: str, patterns: Iterable[str]) -> bool:
    """Whether an operator's patterns ("acme/*", "gitlab:acme/*") name a repository.

    One without a forge is about all forges that are served.
    """
    whole = f"{forge}:{name}"
    return any(fnmatchcase(whole if ":" in each else name, each) for each in patterns)


def with_forge(name: str) -> tuple[str, str]:
    """("gitlab", "group/name"); the forge is "" where the name does not say it."""
    forge, _, path = name.rpartition(":")
    return forge, path
