"""Pushing as a person does: a temporary clone, a commit, ``git push``. Knows no forge but by URL."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
        await git(folder, "checkout", "--quiet", "-B", change.branch, await _start(folder, change))
        _write(folder, change.files)
        await git(folder, "add", "--all")
        who = ("-c", f"user.name={change.author}", "-c", f"user.email={change.email}")
        await git(folder, *who, "commit", "--quiet", "--allow-empty", "-m", change.message)
        flags = ("--force",) if change.force else ()
        target = f"HEAD:refs/heads/{change.branch}"
        await git(folder, "push", "--quiet", *flags, "origin", target)
        return (await git(folder, "rev-parse", "HEAD")).strip()


async def push_refspecs(remote: str, refspecs: tuple[str, ...]) -> None:
    async with _clone(remote) as folder:
        await git(folder, "push", "--quiet", "--force", "origin", *refspecs)


@asynccontextmanager
async def _clone(remote: str) -> AsyncIterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="forge-push-"))
    try:
        await git(folder, "clone", "--quiet", remote, ".")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _start(folder: Path, change: Change) -> str:
    heads = await git(folder, "for-each-ref", f"refs/remotes/origin/{change.branch}")
    if heads and not change.force:
        return f"origin/{change.branch}"
    return f"origin/{change.base}" if change.base else "HEAD"


def _write(folder: Path, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        place = folder / path
        if text is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


async def git(folder: Path, *args: str) -> str:
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
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise ForgeCallFailed(f"git {args[0]}", process.returncode or -1, err.decode())
    return out.decode()
