"""Faults on demand: rules that say which request or webhook goes wrong, how, and how often."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .state import Json

Kind = Literal[
    "status",
    "status_after",
    "delay",
    "cut_before",
    "cut_after",
    "hook_drop",
    "hook_lose",
    "hook_double",
    "hook_delay",
    "hook_corrupt",
]
KINDS = get_args(Kind)


@dataclass(slots=True)
class Rule:
    """``match`` is searched in ``METHOD /path`` (no /api/v3), or in ``event.action`` for webhooks.

    status, status_after: answer that status instead of, or after, the effect. cut_before,
    cut_after: close the connection before, or after, the effect. hook_drop: not sent, recorded as a
    failed delivery. hook_lose: not sent and not recorded. hook_delay: sent ``seconds`` later, out
    of order. ``times`` None means until removed; ``probability`` is decided by a seeded generator.
    """

    match: re.Pattern[str]
    kind: Kind
    times: int | None = None
    probability: float = 1.0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    hits: int = 0


class Faults:
    def __init__(self, seed: int = 0) -> None:
        self.rules: list[Rule] = []
        self._random = random.Random(seed)

    def add(self, fault: Json) -> Rule:
        """Raises ValueError for a rule that could never act as written."""
        kind: Any = fault.get("kind")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        rule = Rule(
            match=re.compile(str(fault.get("match", ""))),
            kind=kind,
            times=fault.get("times"),
            probability=float(fault.get("probability", 1.0)),
            status=int(fault.get("status", 500)),
            headers={str(k): str(v) for k, v in (fault.get("headers") or {}).items()},
            seconds=float(fault.get("seconds", 0.0)),
        )
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()

    def hit(self, subject: str, *kinds: Kind) -> Rule | None:
        """The first rule of those kinds that strikes here; it is counted."""
        for rule in self.rules:
            if rule.kind not in kinds or not rule.match.search(subject):
                continue
            if rule.times is not None and rule.hits >= rule.times:
                continue
            if rule.probability < 1.0 and self._random.random() >= rule.probability:
                continue
            rule.hits += 1
            return rule
        return None
