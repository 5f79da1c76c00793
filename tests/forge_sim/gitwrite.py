"""New commits made by the forge itself: initial files, merges, squashes."""

from __future__ import annotations

import time
from typing import Protocol

from .git import GitStore


class Author(Protocol):
    """An account of any forge."""

    @property
    def id(self) -> int: ...
    @property
    def login(self) -> str: ...


def identity(account: Author) -> str:
    return f"{account.login} <{account.id}+{account.login}@users.noreply.example.com>"


async def commit_files(
    store: GitStore, repo: int, branch: str, files: dict[str, str], message: str, author: Author
) -> str:
    """One commit that sets those files on a branch (created if it is not there); its sha."""
    parent = await store.read(repo, f"refs/heads/{branch}")
    stamp = f"{identity(author)} {int(time.time())} +0000"
    text = message.encode()
    parts = [f"commit refs/heads/{branch}\nauthor {stamp}\ncommitter {stamp}\n".encode()]
    parts.append(b"data %d\n%s\n" % (len(text), text))
    if parent is not None:
        parts.append(f"from {parent[0]}\n".encode())
    for path, content in files.items():
        data = content.encode("utf-8", "surrogateescape")
        parts.append(f"M 100644 inline {_quoted(path)}\n".encode())
        parts.append(b"data %d\n%s\n" % (len(data), data))
    await store.run(repo, "fast-import", "--quiet", "--force", stdin=b"".join(parts))
    made = await store.read(repo, f"refs/heads/{branch}")
    assert made is not None
    return made[0]


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


async def commit_tree(
    store: GitStore, repo: int, tree: str, parents: list[str], message: str, author: Author
) -> str:
    """A commit object of an existing tree; no ref is moved."""
    stamp = f"{identity(author)} {int(time.time())} +0000"
    lines = [f"tree {tree}", *(f"parent {p}" for p in parents)]
    lines += [f"author {stamp}", f"committer {stamp}", "", message, ""]
    out = await store.run(
        repo, "hash-object", "-t", "commit", "-w", "--stdin", stdin="\n".join(lines).encode()
    )
    return out.decode().strip()
