"""What finders of languages are given and give back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

#: Path from the root → text; "" for files that were not read. Two levels deep, hidden directories left out.
Files: TypeAlias = Mapping[str, str]

#: Steps share the workspace and nothing else, so what one brings for the next must lie in it.
WORKSPACE = "/workspace"


@dataclass(frozen=True, slots=True)
class StarterJob:
    """A job as it is written into the file; `why` is what of the repository led to it."""

    id: str
    why: str
    image: str
    steps: tuple[str, ...]  # at least one
    env: Mapping[str, str]
    note: str = ""  # a comment above it, one line


def toml(text: str) -> dict[str, Any]:
    """{} for what cannot be read: a starter is a guess, and not the place to complain."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return {}


def json_object(text: str) -> dict[str, Any]:
    """{} for what is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def table(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The table below these names; {} where there is none."""
    for name in names:
        found = data.get(name)
        if not isinstance(found, dict):
            return {}
        data = found
    return data
