"""The append-only record of what was asked of the forge; one JSON line each, never a token."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from .state import Json

_MOST_TEXT = 262_144


class Ledger:
    """Entries are numbered from 1; ``violations`` is the subset that fails a test suite."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self.entries: list[Json] = []
        self.violations: list[Json] = []

    def add(self, kind: str, **fields: Any) -> Json:
        entry: Json = {"n": len(self.entries) + 1, "time": time.time(), "kind": kind, **fields}
        self.entries.append(entry)
        self._file.write(json.dumps(entry, default=str, separators=(",", ":")) + "\n")
        self._file.flush()
        return entry

    def violation(self, kind: str, where: str, message: str, who: str = "") -> None:
        """``kind``: request, response, webhook, path, rule, product rule or polite."""
        entry = self.add("violation", violation=kind, where=where, message=message, who=who)
        self.violations.append(entry)

    def since(self, number: int) -> list[Json]:
        return self.entries[max(number, 0) :]

    def close(self) -> None:
        self._file.close()


def bounded(body: Any, size: int) -> Any:
    """A request body as it is recorded: whole up to 256 KiB, then only its beginning."""
    if size <= _MOST_TEXT:
        return body
    return {"bounded": size, "head": json.dumps(body, default=str)[:_MOST_TEXT]}
