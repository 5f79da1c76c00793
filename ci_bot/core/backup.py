"""What a backup says of itself, which names may stand in it, and why one cannot be restored here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "ci-bot.db"
INSTANCE: Final = "instance"
SETTINGS: Final = "ci-bot.toml"
KEYS: Final = ("sealing.key", "secrets.key", "links.key")

_NAME: Final = re.compile(
    r"manifest\.json|ci-bot\.db|instance|links\.revoked|ci-bot\.toml|(sealing|secrets|links)\.key"
    r"|logs/[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[0-9]{1,6}\.(log|end)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a backup."""

    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Stands at the end of the file, so that a backup that was cut has none.

    `schema` is the database's revision, "" where the database is not in here (PostgreSQL). `left_out`
    names, with their place, what the operator must keep elsewhere.
    """

    made_at: float
    version: str
    schema: str
    entries: Mapping[str, Entry]
    left_out: tuple[str, ...] = ()
    format: int = FORMAT


def is_name(name: str) -> bool:
    """Whether a file of this name may stand in a backup: nothing leads out of the directory."""
    return _NAME.fullmatch(name) is not None


def refusal(manifest: Manifest, known_schemas: Sequence[str], version: str) -> str:
    """Why this version cannot restore it, "" if it can."""
    if manifest.format != FORMAT:
        return (
            f"it has format {manifest.format}, made by ci-bot {manifest.version}; upgrade ci-bot first"
        )
    if manifest.schema and manifest.schema not in known_schemas:
        return (
            f"its database has schema {manifest.schema}, made by ci-bot {manifest.version}; this is "
            f"ci-bot {version}, which knows up to {max(known_schemas)}: upgrade ci-bot first"
        )
    return ""


def damage(manifest: Manifest, found: Mapping[str, Entry]) -> Sequence[str]:
    """One line for each file that is not what the manifest says; () if all are."""
    missing = [f"{name} is missing" for name in manifest.entries if name not in found]
    foreign = [f"{name} is not in its manifest" for name in found if name not in manifest.entries]
    changed = [
        f"{name} was changed: its hash is another one"
        for name, entry in manifest.entries.items()
        if name in found and found[name] != entry
    ]
    return [*missing, *foreign, *changed]
