"""What a person asked for in a comment: the name of a command and the words after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAMES: Final = ("retry", "cancel", "run", "approve", "why", "help")


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    args: tuple[str, ...] = ()
