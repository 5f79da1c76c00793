"""Parsing of what git prints: commit objects, tree objects, diffs. Pure: bytes in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_PERSON = re.compile(r"^(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<at>\d+) (?P<zone>[+-]\d{4})$")


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    mode: str
    type: str
    sha: str
    name: str


@dataclass(frozen=True, slots=True)
class FileChange:
    status: str
    path: str
    previous: str | None
    sha: str | None
    additions: int
    deletions: int
    patch: str | None


def parse_commit(sha: str, data: bytes) -> Commit:
    head, _, message = data.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        if key:
            fields.setdefault(key, []).append(value)
    return Commit(
        sha=sha,
        tree=fields["tree"][0],
        parents=tuple(fields.get("parent", ())),
        author=_person(fields["author"][0]),
        committer=_person(fields["committer"][0]),
        message=message.rstrip("\n"),
    )


def _person(text: str) -> Person:
    found = _PERSON.match(text)
    if found is None:
        return Person(text, "unknown@example.invalid", "1970-01-01T00:00:00Z")
    return Person(
        found["name"],
        found["email"] or "unknown@example.invalid",
        iso_with_zone(int(found["at"]), found["zone"]),
    )


def iso_with_zone(at: int, zone: str) -> str:
    """Seconds and git's ``+hhmm`` to RFC 3339, with Z for UTC."""
    sign = -1 if zone[0] == "-" else 1
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * sign
    return datetime.fromtimestamp(at, timezone(offset)).isoformat().replace("+00:00", "Z")


def parse_tree(data: bytes) -> list[Entry]:
    entries: list[Entry] = []
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].decode("utf-8", "replace").partition(" ")
        sha = data[end + 1 : end + 21].hex()
        entries.append(Entry(mode.zfill(6), _entry_type(mode), sha, name))
        at = end + 21
    return entries


def _entry_type(mode: str) -> str:
    kinds = {"40000": "dir", "120000": "symlink", "160000": "submodule"}
    return kinds.get(mode, "file")


_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied"}


def parse_raw_diff(data: bytes) -> list[tuple[str, str, str | None, str | None]]:
    """``git diff-tree -r -z --raw`` → (status, path, previous path, blob sha or None)."""
    parts = data.split(b"\0")
    found: list[tuple[str, str, str | None, str | None]] = []
    at = 0
    while at < len(parts) and parts[at].startswith(b":"):
        _, _, _, new, letter = parts[at].decode().split(" ")
        status = _STATUS.get(letter[0], "changed")
        sha = None if status == "removed" else new
        if letter[0] in "RC":
            previous, path = (parts[at + n].decode("utf-8", "replace") for n in (1, 2))
            found.append((status, path, previous, sha))
            at += 3
        else:
            found.append((status, parts[at + 1].decode("utf-8", "replace"), None, sha))
            at += 2
    return found


def parse_patches(text: str) -> list[tuple[int, int, str | None]]:
    """One ``git diff`` output → (additions, deletions, patch from its first @@) per file, in order."""
    result: list[tuple[int, int, str | None]] = []
    for block in re.split(r"(?m)^diff --git ", text)[1:]:
        at = block.find("\n@@")
        if at < 0:
            result.append((0, 0, None))
            continue
        patch = block[at + 1 :].rstrip("\n")
        lines = patch.split("\n")
        added = sum(1 for line in lines if line.startswith("+"))
        removed = sum(1 for line in lines if line.startswith("-"))
        result.append((added, removed, patch))
    return result
