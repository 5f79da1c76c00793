"""What a look at a forge's protection of a branch found, alike for every forge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateExamination:
    """What merging into a branch depends on; `problems` are one line each, with the remedy."""

    branch: str
    problems: tuple[str, ...]
    has_merge_queue: bool  # then `.ci.yaml` must run on merge groups, or nothing is ever merged
