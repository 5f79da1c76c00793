"""A person's own working tree in; workspaces like the server's, with uncommitted changes, out."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ci_bot.core.errors import WorkspaceError
from ci_bot.core.events import Repo
from ci_bot.core.planned import Checkout
from ci_bot.ports import WHOLE, Alive, CloneSource, Workspace
from ci_bot.workspace import dotgit
from ci_bot.workspace.directories import JobDirectories, reap
from ci_bot.workspace.failures import Failure, GitFailed
from ci_bot.workspace.git import Git
from ci_bot.workspace.history import history


@dataclass(frozen=True, slots=True)
class _Origin:
    """The repository of a working tree, all absolute."""

    top: Path
    folder: Path  # shared by all its worktrees
    objects: Path
    head: str

    @property
    def is_borrowing(self) -> bool:
        """Whether its objects lie in yet another repository (`git clone --shared`)."""
        alternates = self.objects / "info/alternates"
        return alternates.exists() and bool(alternates.read_bytes().strip())


class LocalWorkspaces:
    """A `Workspaces` for `ci-bot run`: what `prepare` is told to check out does not matter.

    A workspace holds the files of the working tree as they are now, those not committed and not
    tracked too, but nothing that git ignores. HEAD and index are the last commit's, so `git diff`
    shows what is not committed. Nothing is written to the person's repository. `tell` gets a line
    about each thing that is left out.
    """

    def __init__(self, root: Path, tree: Path, tell: Callable[[str], None]) -> None:
        self._tree = tree.absolute()
        self._tell = tell
        self._git = Git(as_user=True)
        self._jobs = JobDirectories(root)
        self._discarding: set[asyncio.Future[None]] = set()

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
        origin = await self._origin()
        target = await asyncio.to_thread(self._jobs.begin, job_id)
        await self._copy_files(origin, target, with_submodules=checkout.submodules)
        await self._make_git(origin, target, checkout.depth)
        await asyncio.to_thread(self._jobs.finish, job_id)
        return _workspace(target, origin)

    async def find(self, job_id: str, repo: Repo) -> Workspace | None:
        if not self._jobs.is_ready(job_id):
            return None
        return _workspace(self._jobs.tree(job_id), await self._origin())

    async def discard(self, job_id: str) -> None:
        """Raises `WorkspaceError` where files belong to another user and we are not root."""
        discarding = asyncio.ensure_future(asyncio.to_thread(self._jobs.discard, job_id))
        self._discarding.add(discarding)
        discarding.add_done_callback(self._discarding.discard)
        await asyncio.shield(discarding)

    async def close(self) -> None:
        """Waits for what is still being discarded, for callers that do not wait any more, too: a thread
        that empties a folder cannot be stopped, and whoever removes the root would meet it there."""
        await asyncio.gather(*self._discarding, return_exceptions=True)

    async def reap(self, alive: Alive) -> int:
        return await reap(self._jobs, alive)

    async def _origin(self, tree: Path | None = None) -> _Origin:
        tree = tree or self._tree
        out = await self._ask(
            tree, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir", "--git-path", "objects"
        )  # fmt: skip
        top, folder, objects = map(Path, os.fsdecode(out).splitlines())
        try:
            head = await self._ask(tree, "rev-parse", "--verify", "--end-of-options", "HEAD^{commit}")
        except GitFailed as error:
            raise WorkspaceError(f"{top} has no commit yet; commit once, then run again") from error
        return _Origin(top, folder, objects, head.decode().strip())

    async def _ask(self, tree: Path, *args: str) -> bytes:
        try:
            return await self._git.run("-C", str(tree), *args, doing=f"reading {tree}")
        except GitFailed as error:
            if error.failure is Failure.CORRUPT and "not a git repository" in str(error):
                raise WorkspaceError(
                    f"{tree} is not in a git repository; `git init` makes one"
                ) from error
            raise

    async def _copy_files(self, origin: _Origin, target: Path, *, with_submodules: bool) -> None:
        listed = await self._git.run(
            "-C", str(origin.top), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate",
            doing=f"listing the files of {origin.top}",
        )  # fmt: skip
        names = [name for name in os.fsdecode(listed).split("\0") if name]
        for name in await asyncio.to_thread(lambda: list(_copy_all(names, origin.top, target))):
            if with_submodules and _is_folder(origin.top / name):
                await self._copy_submodule(origin.top / name, target / name)
            else:
                self._tell(f"{name} is left out: {_why_left_out(origin.top / name)}")

    async def _copy_submodule(self, tree: Path, target: Path) -> None:
        """As it is in the working tree, whatever commit it is at, with its history."""
        if not (tree / ".git").exists():
            self._tell(f"submodule {tree.name} is empty; `git submodule update --init` fills it")
            return
        inside = await self._origin(tree)
        _make_folder(target)
        await self._copy_files(inside, target, with_submodules=True)
        git = dotgit.make(target, inside.head, "", b"")
        await self._copy_objects(inside, git)
        await self._read_head(inside, target)

    async def _make_git(self, origin: _Origin, target: Path, depth: int) -> None:
        env = {"GIT_DIR": str(origin.folder)}
        seen = await history(self._git, origin.head, depth, env) if depth else None
        tags = await dotgit.tags_of(self._git, origin.folder, seen.commits if seen else None)
        git = dotgit.make(target, origin.head, await self._remote(), tags)
        if seen:
            dotgit.cut(git, seen.shallow)
        elif (origin.folder / "shallow").exists():
            shutil.copyfile(origin.folder / "shallow", git / "shallow")
        await self._read_head(origin, target)
        if origin.is_borrowing:
            await self._copy_objects(origin, git)
        else:
            dotgit.borrow_inside(git)

    async def _read_head(self, origin: _Origin, target: Path) -> None:
        await self._git.run(
            "read-tree",
            origin.head,
            doing=f"reading {origin.head[:7]}",
            env=dotgit.borrowing(target, origin.objects),
            umask=0,
        )

    async def _remote(self) -> str:
        """The URL of `origin` without credentials; "" if there is none."""
        try:
            url = (await self._ask(self._tree, "config", "--get", "remote.origin.url")).decode().strip()
        except (GitFailed, UnicodeDecodeError):
            return ""
        if "://" not in url or not url.isprintable():
            return url if url.isprintable() else ""
        address = urlsplit(url)
        return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()

    async def _copy_objects(self, origin: _Origin, git: Path) -> None:
        await self._git.run(
            "-C", str(origin.top), "pack-objects", "--revs", "--quiet", str(git / "objects/pack/pack"),
            doing="copying the history",
            stdin=f"{origin.head}\n".encode(),
        )  # fmt: skip


def _workspace(tree: Path, origin: _Origin) -> Workspace:
    return Workspace(path=tree, objects=None if origin.is_borrowing else origin.objects)


def _why_left_out(path: Path) -> str:
    if _is_folder(path):
        return "it is a submodule, which `checkout: {submodules: true}` brings"
    return "special files are not copied"


def _copy_all(names: Iterable[str], source: Path, target: Path) -> Iterator[str]:
    """Copies what is there; gives the names that are neither file nor link."""
    folders = {Path(): True}
    for name in names:
        if not _has_folder(Path(name).parent, source, target, folders):
            continue
        if not _copy(source / name, target / name):
            yield name


def _has_folder(name: Path, source: Path, target: Path, known: dict[Path, bool]) -> bool:
    """Makes the folder in `target` too; False where a link stands in its place, as git sees it."""
    if name not in known:
        is_inside = _has_folder(name.parent, source, target, known)
        known[name] = is_inside and _is_folder(source / name)
        if known[name]:
            _make_folder(target / name)
    return known[name]


def _make_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _copy(source: Path, target: Path) -> bool:
    """True if there was nothing to copy or it was copied; modes become what git would give them."""
    try:
        mode = source.lstat().st_mode
        if stat.S_ISLNK(mode):
            target.symlink_to(source.readlink())
        elif stat.S_ISREG(mode):
            shutil.copyfile(source, target, follow_symlinks=False)
            target.chmod(0o777 if mode & stat.S_IXUSR else 0o666)
        else:
            return False
    except FileNotFoundError:
        return True
    return True
