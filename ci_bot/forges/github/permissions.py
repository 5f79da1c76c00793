"""What the App may do in all (`app_manifest.yml` says why), and what each kind of call gets of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

#: Permission → level, as GitHub names them: {("contents", "read")}.
Grant: TypeAlias = frozenset[tuple[str, str]]

READ: Final[Grant] = frozenset({("contents", "read"), ("metadata", "read"), ("pull_requests", "read")})
CLONE: Final[Grant] = frozenset({("contents", "read")})
CHECKS: Final[Grant] = frozenset({("checks", "write")})
STATUSES: Final[Grant] = frozenset({("statuses", "write")})
#: Comments on pull requests; `issues: write` would reach every issue as well.
COMMENTS: Final[Grant] = frozenset({("pull_requests", "write")})
#: GitHub lists reactions to comments, those on pull requests too, under issues alone.
#: https://docs.github.com/rest/authentication/permissions-required-for-github-apps
REACTIONS: Final[Grant] = frozenset({("issues", "write")})
#: What protects a branch, read for `doctor`; and what is shown on its newest commit.
PROTECTION: Final[Grant] = frozenset({("contents", "read"), ("metadata", "read")})
RESULTS: Final[Grant] = frozenset({("checks", "read"), ("statuses", "read")})

#: For jobs with `environment` alone: where it is not granted, their checks say so.
DEPLOYMENTS: Final[Grant] = frozenset({("deployments", "write")})

NEEDED_PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "checks": "write",
        "statuses": "write",
        "contents": "read",
        "pull_requests": "write",
        "issues": "write",
        "merge_queues": "read",
        "metadata": "read",
    }
)
#: Only where it is used; `app_manifest.yml` says for what.
OPTIONAL_PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType({"deployments": "write"})
NEEDED_EVENTS: Final = (
    "push",
    "pull_request",
    "issue_comment",
    "merge_group",
    "create",
    "delete",
    "repository",
)

_RANK: Final = {"": 0, "read": 1, "write": 2, "admin": 3}


def covers(held: Mapping[str, str], name: str, level: str) -> bool:
    """Whether the permissions held include this one, at this level or above."""
    return _RANK.get(held.get(name, ""), 0) >= _RANK[level]


def in_words(grant: Grant) -> str:
    return ", ".join(f"{name}: {level}" for name, level in sorted(grant))
