"""Ids of jobs in; their directories, from half-made to ready to gone, out."""

from __future__ import annotations

import asyncio
import fcntl
import re
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog

from ci_bot.core.errors import WorkspaceError
from ci_bot.ports import Alive
from ci_bot.workspace.removal import empty

_JOB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)

_log = structlog.get_logger()


class JobDirectories:
    """`<root>/jobs/<job id>/tree`, beside it the marker `ready` which is written last.

    What is to be removed goes to `<root>/trash` first, so a directory under `jobs` is whole or gone.
    """

    def __init__(self, root: Path) -> None:
        self._jobs = root / "jobs"
        self._trash = root / "trash"

    def tree(self, job_id: str) -> Path:
        return self._folder(job_id) / "tree"

    def is_ready(self, job_id: str) -> bool:
        return (self._folder(job_id) / "ready").exists()

    def begin(self, job_id: str) -> Path:
        """A new, empty tree; what was half-made before is removed."""
        self.discard(job_id)
        for folder in (self._jobs, self._folder(job_id)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tree = self.tree(job_id)
        tree.mkdir()
        tree.chmod(0o777)  # for whatever user a step has; nobody else gets through the folders above
        return tree

    def finish(self, job_id: str) -> None:
        (self._folder(job_id) / "ready").touch()

    def discard(self, job_id: str) -> None:
        """Raises `WorkspaceError` if something of it cannot be removed."""
        bag = self._throw_away(self._folder(job_id))
        if bag is not None:
            self._remove(bag)

    def all(self) -> list[str]:
        """The ids of the jobs that have a directory, whole or half-made."""
        return [folder.name for folder in self._jobs.iterdir()] if self._jobs.exists() else []

    def reap(self, dead: Collection[str]) -> None:
        """Removes these, and what was left of others before. What cannot go is logged."""
        for name in dead:
            self._throw_away(self._jobs / name)
        for bag in self._trash.iterdir() if self._trash.exists() else ():
            try:
                self._remove(bag)
            except WorkspaceError as error:
                _log.warning("workspace not removed", reason=str(error))

    def _throw_away(self, folder: Path) -> Path | None:
        self._trash.mkdir(mode=0o700, parents=True, exist_ok=True)
        bag = Path(tempfile.mkdtemp(dir=self._trash))
        try:
            folder.rename(bag / folder.name)
        except FileNotFoundError:
            bag.rmdir()
            return None
        return bag

    def _remove(self, bag: Path) -> None:
        """One at a time, so that `discard` and `reap` never meet in the same one."""
        with (self._trash.parent / "trash.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if bag.exists():
                empty(bag)
                bag.rmdir()

    def _folder(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise WorkspaceError(f"{job_id[:80]!r} is not the id of a job")
        return self._jobs / job_id


async def reap(jobs: JobDirectories, alive: Alive) -> int:
    """Looks first and asks then: a directory made in between belongs to a job that is alive."""
    found = await asyncio.to_thread(jobs.all)
    living = await alive()
    dead = [name for name in found if name not in living]
    await asyncio.to_thread(jobs.reap, dead)
    return len(dead)
