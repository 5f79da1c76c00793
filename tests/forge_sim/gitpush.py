"""Pushing as a person does: a temporary clone, a commit, ``git push``. Knows no forge but by URL."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NEW = "refs/new"


class ForgeCallFailed(Exception):
    """``status`` and ``body`` are the forge's answer."""

    def __init__(self, what: str, status: int, body: Any) -> None:
        super().__init__(f"{what} → {status}: {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Change:
    """A commit to be made; a file that is None is deleted. See ForgeClient.push."""

    branch: str
    files: dict[str, str | None]
    message: str
    base: str | None
    force: bool
    author: str
    email: str


async def push_change(remote: str, change: Change) -> str:
    """The sha of the pushed commit; raises ForgeCallFailed with git's words."""
    async with _clone(remote) as folder:
        await git(
            folder, "fast-import", "--quiet", "--export-marks=marks", stdin=_commit(folder, change)
        )
        sha = (folder / "marks").read_text().split()[1]
        flags = ("--force",) if change.force else ()
        await git(folder, "push", "--quiet", *flags, "origin", f"{sha}:refs/heads/{change.branch}")
        return sha


async def push_refspecs(remote: str, refspecs: tuple[str, ...]) -> None:
    async with _clone(remote) as folder:
        await git(folder, "push", "--quiet", "--force", "origin", *refspecs)


@asynccontextmanager
async def _clone(remote: str) -> AsyncIterator[Path]:
    """Without a working tree, which would take as many processes again."""
    folder = Path(tempfile.mkdtemp(prefix="forge-push-"))
    try:
        await git(folder, "clone", "--quiet", "--bare", remote, ".")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _commit(folder: Path, change: Change) -> bytes:
    """For fast-import: https://git-scm.com/docs/git-fast-import#_input_format."""
    who = f"{change.author} <{change.email}> {int(time.time())} +0000"
    start = _start(folder, change)
    lines: list[bytes] = [
        f"commit {_NEW}\nmark :1\nauthor {who}\ncommitter {who}\n".encode(),
        *_data(change.message + "\n"),
        f"from {start}\n".encode() if start else b"",
    ]
    for path, text in change.files.items():
        lines += (
            [f"D {path}\n".encode()]
            if text is None
            else [f"M 644 inline {path}\n".encode(), *_data(text)]
        )
    return b"".join(lines)


def _data(text: str) -> tuple[bytes, bytes, bytes]:
    content = text.encode()
    return f"data {len(content)}\n".encode(), content, b"\n"


def _start(folder: Path, change: Change) -> str:
    """The sha to go on from; "" in an empty repository."""
    packed = folder / "packed-refs"
    lines = packed.read_text().splitlines() if packed.exists() else []
    heads = {ref: sha for sha, _, ref in (line.partition(" ") for line in lines)}
    wanted = [] if change.force else [f"refs/heads/{change.branch}"]
    if change.base:
        wanted.append(f"refs/heads/{change.base}")
    else:
        wanted.append((folder / "HEAD").read_text().removeprefix("ref: ").strip())
    found = [heads[ref] for ref in wanted if ref in heads]
    if not found and (change.base or heads):
        raise ForgeCallFailed("git push", 0, f"none of {wanted} is there to begin at")
    return found[0] if found else ""


async def git(folder: Path, *args: str, stdin: bytes = b"") -> str:
    """Standard output of a git command that knows nothing of this machine's configuration."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    process = await asyncio.create_subprocess_exec(
        *("git", "-C", str(folder), *args),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, err = await process.communicate(stdin)
    if process.returncode != 0:
        raise ForgeCallFailed(f"git {args[0]}", process.returncode or -1, err.decode())
    return out.decode()
