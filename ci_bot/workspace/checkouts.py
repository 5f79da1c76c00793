"""Jobs and commits in; checkouts out, each with a `.git` that borrows from the repository's mirror."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ci_bot.core.disk import Held
from ci_bot.core.events import Repo
from ci_bot.core.planned import Checkout
from ci_bot.disks import weighed
from ci_bot.ports import WHOLE, Alive, CloneSource, Workspace
from ci_bot.workspace import dotgit, lfs
from ci_bot.workspace.directories import JobDirectories, reap
from ci_bot.workspace.failures import Failure, GitFailed
from ci_bot.workspace.git import Git, clean_url, full_sha
from ci_bot.workspace.history import history
from ci_bot.workspace.mirror import Mirrors, identity
from ci_bot.workspace.submodules import Brought, Submodules


class GitWorkspaces:
    """A `Workspaces`: everything is under `root`, in `mirrors` and `jobs`.

    Every file of a checkout is writable for all (as GitLab's runner does it), since a step has
    whatever user its image says. `ca_file` and `proxy` are for the forge's server; `allow_file` lets
    repositories be directories too.
    """

    def __init__(
        self, root: Path, *, ca_file: Path | None = None, proxy: str = "", allow_file: bool = False
    ) -> None:
        self._git = Git(ca_file=ca_file, proxy=proxy, allow_file=allow_file)
        self._mirrors = Mirrors(root / "mirrors", self._git)
        self._jobs = JobDirectories(root)

    async def prepare(
        self,
        job_id: str,
        repo: Repo,
        sha: str,
        source: CloneSource,
        base_sha: str = "",
        checkout: Checkout = WHOLE,
    ) -> Workspace:
        found = await self.find(job_id, repo)
        if found is not None:
            return found
        full_sha(sha)
        clean_url(source.url)
        mirror = await self._checked_out(job_id, repo, sha, source, checkout.depth)
        await self._complete(self._jobs.tree(job_id), mirror, sha, source, checkout)
        if base_sha.strip("0"):  # all zeros stand for no commit
            await self._bring_base(mirror, repo, base_sha, source)
        await asyncio.to_thread(self._jobs.finish, job_id)
        return Workspace(path=self._jobs.tree(job_id), objects=mirror / "objects")

    async def between(
        self, repo: Repo, source: CloneSource, base: str, head: str, *, from_common: bool
    ) -> Sequence[str]:
        """`ports.Differences`: a rename is a file that is gone and one that is new."""
        full_sha(base)
        mirror = await self._mirrors.ensure(repo, head, source)
        await self._bring_base(mirror, repo, base, source)
        out = await self._git.run(
            "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff",
            *(["--merge-base"] if from_common else []), base, head,
            doing=f"comparing {base[:7]} with {head[:7]}",
            env={"GIT_DIR": str(mirror)},
        )  # fmt: skip
        return tuple(path.decode("utf-8", "replace") for path in out.split(b"\0") if path)

    async def find(self, job_id: str, repo: Repo) -> Workspace | None:
        if not self._jobs.is_ready(job_id):
            return None
        return Workspace(path=self._jobs.tree(job_id), objects=self._mirrors.path(repo) / "objects")

    async def discard(self, job_id: str) -> None:
        """Raises `WorkspaceError` where files belong to another user and we are not root."""
        await asyncio.to_thread(self._jobs.discard, job_id)

    def weigh(self) -> Mapping[str, Held]:
        """What each job has of the disk, by its id. Blocks."""
        return {job_id: weighed(self._jobs.tree(job_id)) for job_id in self._jobs.all()}

    async def reap(self, alive: Alive) -> int:
        return await reap(self._jobs, alive)

    async def prune_mirrors(self, unused_since: float) -> int:
        """Forgets commits last asked for before that moment (seconds since the epoch); how many.

        No job that is still running may have begun before it.
        """
        return await self._mirrors.prune(unused_since)

    async def _bring_base(self, mirror: Path, repo: Repo, sha: str, source: CloneSource) -> None:
        """A commit in a mirror is there with its whole history, and mostly it is: with the head's.

        One that the forge has no more (a branch was rewritten) is missed by those alone who ask for it.
        """
        try:
            name = f"{full_sha(sha)}^{{commit}}"
            await self._git.run(
                "-C", str(mirror), "cat-file", "-e", name, doing=f"looking for {sha[:7]}"
            )
        except GitFailed:
            with suppress(GitFailed):
                await self._mirrors.ensure(repo, sha, replace(source, refs=()))

    async def _complete(
        self, tree: Path, mirror: Path, sha: str, source: CloneSource, checkout: Checkout
    ) -> None:
        """What is in no mirror."""
        env = dotgit.borrowing(tree, mirror / "objects")
        inside: Sequence[Brought] = ()
        if checkout.submodules:
            inside = await Submodules(self._git).bring(tree, sha, source, env, checkout.depth)
        if checkout.lfs:
            await lfs.bring(self._git, tree, sha, source, env)
            for module in inside:
                await lfs.bring(self._git, module.tree, module.sha, module.source, module.git)

    async def _checked_out(
        self, job_id: str, repo: Repo, sha: str, source: CloneSource, depth: int
    ) -> Path:
        """The mirror that was used. One that turns out damaged is made anew, once."""
        mirror = await self._mirrors.ensure(repo, sha, source)
        before = identity(mirror)
        try:
            await self._check_out(job_id, mirror, sha, source.url, depth)
        except GitFailed as error:
            if error.failure is not Failure.CORRUPT:
                raise
            await self._mirrors.replace(repo, before, str(error))
            mirror = await self._mirrors.ensure(repo, sha, source)
            await self._check_out(job_id, mirror, sha, source.url, depth)
        return mirror

    async def _check_out(self, job_id: str, mirror: Path, sha: str, url: str, depth: int) -> None:
        tree = await asyncio.to_thread(self._jobs.begin, job_id)
        seen = await history(self._git, sha, depth, {"GIT_DIR": str(mirror)}) if depth else None
        tags = await dotgit.tags_of(self._git, mirror, seen.commits if seen else None)
        git = dotgit.make(tree, sha, url, tags)
        if seen:
            dotgit.cut(git, seen.shallow)
        await self._git.run(
            "read-tree",
            "--reset",
            "-u",
            sha,
            doing=f"checking out {sha[:7]}",
            env=dotgit.borrowing(tree, mirror / "objects"),
            umask=0,
        )
        dotgit.borrow_inside(git)
