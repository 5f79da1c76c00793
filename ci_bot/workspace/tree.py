"""A directory in; the git working tree that it is part of, out: what a local run says about its head."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ci_bot.core.errors import WorkspaceError
from ci_bot.workspace.failures import Failure, GitFailed
from ci_bot.workspace.git import Git

_DETACHED: Final = "HEAD"


@dataclass(frozen=True, slots=True)
class Tree:
    """A working tree and its last commit. `branch` is "HEAD" where none is checked out."""

    root: Path
    sha: str
    branch: str
    subject: str
    author: str


async def look_at(folder: Path) -> Tree:
    """Raises `WorkspaceError` where `folder` is in no git repository, or in one without commits."""
    git = Git(as_user=True)
    doing = f"reading {folder}"
    try:
        root = await git.run("-C", str(folder), "rev-parse", "--show-toplevel", doing=doing)
    except GitFailed as error:
        if error.failure is Failure.CORRUPT:
            raise WorkspaceError(
                f"{folder} is not in a git repository; `git init` makes one"
            ) from error
        raise
    try:
        head = await git.run("-C", str(folder), "log", "-1", "--format=%H%n%an%n%s", doing=doing)
        branch = await git.run("-C", str(folder), "rev-parse", "--abbrev-ref", _DETACHED, doing=doing)
    except GitFailed as error:
        raise WorkspaceError(f"{folder} has no commit yet; commit once, then run again") from error
    sha, author, subject = head.decode("utf-8", "replace").split("\n", 2)
    return Tree(
        root=Path(os.fsdecode(root).removesuffix("\n")),
        sha=sha,
        branch=branch.decode("utf-8", "replace").strip(),
        subject=subject.strip(),
        author=author,
    )
