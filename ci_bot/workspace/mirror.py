"""Commits asked for in; bare mirrors that hold them with their whole history, one per repository, out."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

import structlog

from ci_bot.core.errors import WorkspaceError
from ci_bot.core.events import Repo
from ci_bot.ports import CloneSource
from ci_bot.workspace.failures import Failure, GitFailed
from ci_bot.workspace.git import Git, clean_url, full_ref, full_sha
from ci_bot.workspace.locks import Locks

#: Refs that keep what was asked for; the time of the file is that of the last use.
_KEEP: Final = "refs/ci-bot/keep"
_TAGS: Final = "+refs/tags/*:refs/tags/*"
_FORGE: Final = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)

_log = structlog.get_logger()


class Mirrors:
    """`<root>/<forge>-<repository id>.git`, each locked while it changes, also among processes.

    Nothing is ever repacked or removed while it may be borrowed, except by `prune`.
    """

    def __init__(self, root: Path, git: Git) -> None:
        self._root = root
        self._git = git
        self._locks = Locks()

    def path(self, repo: Repo) -> Path:
        if not _FORGE.fullmatch(repo.forge):
            raise WorkspaceError(f"{repo.forge!r} is not the name of a forge")
        return self._root / f"{repo.forge}-{repo.id}.git"

    async def ensure(self, repo: Repo, sha: str, source: CloneSource) -> Path:
        """The mirror, with this commit and everything it needs; the forge is asked if it is not there.

        A damaged mirror is made anew, once. Raises `GitFailed` and `WorkspaceError`.
        """
        mirror = self.path(repo)
        if _is_kept(mirror, full_sha(sha)):
            return mirror
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with self._locks.hold(mirror.with_suffix(".lock")) as lock:
            try:
                await self._bring(mirror, sha, source, lock)
            except GitFailed as error:
                if error.failure is not Failure.CORRUPT or not identity(mirror):
                    raise
                self._set_aside(mirror, str(error))
                await self._bring(mirror, sha, source, lock)
        return mirror

    async def replace(self, repo: Repo, damaged: int, reason: str) -> None:
        """Drops a mirror that turned out damaged, unless it is another one (`identity`) by now."""
        mirror = self.path(repo)
        async with self._locks.hold(mirror.with_suffix(".lock")):
            if identity(mirror) == damaged:
                self._set_aside(mirror, reason)

    async def prune(self, unused_since: float) -> int:
        """Forgets commits last asked for before that moment (seconds since the epoch); how many.

        Also removes what they alone needed, and what is left of damaged mirrors. No job that is still
        running may have begun before that moment. Raises `GitFailed`.
        """
        count = 0
        for mirror in sorted(self._root.glob("*.git")):
            async with self._locks.hold(mirror.with_suffix(".lock")) as lock:
                count += await self._prune(mirror, unused_since, lock)
        for broken in self._root.glob("*.broken-*"):
            if broken.stat().st_ctime < unused_since:
                await asyncio.to_thread(shutil.rmtree, broken, ignore_errors=True)
        return count

    async def _prune(self, mirror: Path, unused_since: float, lock: int) -> int:
        old = [ref for ref in (mirror / _KEEP).glob("*") if ref.stat().st_mtime < unused_since]
        for ref in old:
            ref.unlink()
        if old:
            await self._git.run(
                "gc",
                "--quiet",
                f"--prune={int(unused_since)}",
                doing=f"tidying {mirror.name}",
                env={"GIT_DIR": str(mirror)},
                holding=[lock],
            )
        return len(old)

    async def _bring(self, mirror: Path, sha: str, source: CloneSource, lock: int) -> None:
        if _is_kept(mirror, sha):
            return
        if identity(mirror):
            _clear_stale(mirror)
        else:
            await self._create(mirror, sha)
        if not await self._is_complete(mirror, sha):
            await self._fetch(mirror, sha, source, lock)
        await self._git.run(
            "update-ref",
            f"{_KEEP}/{sha}",
            sha,
            doing=f"keeping {sha[:7]}",
            env={"GIT_DIR": str(mirror)},
        )

    async def _create(self, mirror: Path, sha: str) -> None:
        """Under another name first, so that a half-made mirror is never taken for one."""
        new = mirror.with_suffix(".new")
        await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)
        kind = "sha256" if len(sha) == 64 else "sha1"
        await self._git.run(
            "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", "--", str(new),
            doing="making a mirror",
        )  # fmt: skip
        os.rename(new, mirror)  # noqa: PTH104 - one call, in no need of a thread

    async def _is_complete(self, mirror: Path, sha: str) -> bool:
        """Whether the commit is there with all it needs, and not merely the commit itself."""
        try:
            await self._git.run(
                "rev-list", "--objects", "--quiet", sha, "--not", "--all",
                doing=f"looking for {sha[:7]}",
                env={"GIT_DIR": str(mirror)},
            )  # fmt: skip
        except GitFailed:
            return False
        return True

    async def _fetch(self, mirror: Path, sha: str, source: CloneSource, lock: int) -> None:
        try:
            await self._fetch_specs(mirror, sha, source, [f"{sha}:{_KEEP}/{sha}"], lock)
        except GitFailed as error:
            if error.failure is not Failure.MISSING or not source.refs:
                raise
            await self._fetch_specs(mirror, sha, source, [full_ref(ref) for ref in source.refs], lock)
            if not await self._is_complete(mirror, sha):
                raise

    async def _fetch_specs(
        self, mirror: Path, sha: str, source: CloneSource, specs: list[str], lock: int
    ) -> None:
        await self._git.run(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "--force",
            "--end-of-options", clean_url(source.url), *specs, _TAGS,
            doing=f"fetching {sha[:7]} from {source.url}",
            env={"GIT_DIR": str(mirror)},
            source=source,
            holding=[lock],
        )  # fmt: skip

    def _set_aside(self, mirror: Path, reason: str) -> None:
        """Not removed at once: running jobs may have it mounted."""
        _log.warning("mirror damaged, made anew", mirror=mirror.name, reason=reason)
        mirror.rename(tempfile.mkdtemp(prefix=f"{mirror.name}.broken-", dir=self._root))


def identity(mirror: Path) -> int:
    """Tells a mirror from one made anew in its place; 0 if there is none."""
    try:
        return mirror.stat().st_ino
    except FileNotFoundError:
        return 0


def _is_kept(mirror: Path, sha: str) -> bool:
    try:
        os.utime(mirror / _KEEP / sha)
    except FileNotFoundError:
        return False
    return True


def _clear_stale(mirror: Path) -> None:
    """What a killed git left: under our lock nobody else's is there."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*"):
        for left in mirror.glob(pattern):
            left.unlink(missing_ok=True)
