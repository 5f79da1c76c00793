"""The bare repositories on disk: questions about commits, trees and differences, and new commits.

Objects are read through one ``git cat-file --batch-command`` process per repository, so that a
read costs a fraction of a millisecond; everything else starts a git process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import OrderedDict
from pathlib import Path

from .gitobjects import (
    Commit,
    Entry,
    FileChange,
    parse_commit,
    parse_patches,
    parse_raw_diff,
    parse_tree,
)

NULL_SHA = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_MOST_READERS = 48
_SETTINGS = {
    "core.bare": "true",
    "core.repositoryformatversion": "0",
    "gc.auto": "0",
    "receive.autogc": "false",
    "receive.denyDeleteCurrent": "ignore",
    "http.receivepack": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowReachableSHA1InWant": "true",
    "uploadpack.allowFilter": "true",
}


class GitError(Exception):
    """A git process failed; the text is its standard error."""


def clean_environment() -> dict[str, str]:
    """No configuration of the machine or of the person who runs the tests reaches git."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


class _Reader:
    """One ``cat-file`` process; asked one object at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def read(self, spec: str) -> tuple[str, str, bytes] | None:
        async with self._lock:
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"contents {spec}\n".encode("utf-8", "surrogateescape"))
            await process.stdin.drain()
            head = (await process.stdout.readline()).decode("utf-8", "replace").split(" ")
            if len(head) != 3 or not head[2].strip().isdigit():
                return None
            size = int(head[2])
            data = await process.stdout.readexactly(size + 1)
            return head[0], head[1], data[:-1]

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *("git", "--git-dir", str(self._directory), "cat-file", "--batch-command"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=clean_environment(),
                limit=1 << 20,
            )
        return self._process

    async def close(self) -> None:
        async with self._lock:
            process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class GitStore:
    """Repositories by numeric id below ``root``; immutable answers are remembered."""

    def __init__(self, root: Path, hidden: str = "refs/pull") -> None:
        """``hidden``: refs of the forge's own, which nobody may push and no fork gets."""
        self.root = root
        self._hidden = hidden
        self._template = root / "template.git"
        self._readers: OrderedDict[int, _Reader] = OrderedDict()
        self._retired: list[_Reader] = []  # closed, but one may have been waited for and reopened
        self._commits: dict[str, Commit] = {}
        self._answers: dict[tuple[object, ...], object] = {}

    def prepare(self) -> None:
        """Make the empty repository that every new one is a copy of (no process needed)."""
        for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (self._template / part).mkdir(parents=True, exist_ok=True)
        (self._template / "HEAD").write_text("ref: refs/heads/main\n")
        sections: dict[str, list[str]] = {}
        for key, value in {**_SETTINGS, "receive.hideRefs": self._hidden}.items():
            section, name = key.split(".")
            sections.setdefault(section, []).append(f"\t{name} = {value}\n")
        text = "".join(f"[{name}]\n{''.join(lines)}" for name, lines in sections.items())
        (self._template / "config").write_text(text)

    def path(self, repo: int) -> Path:
        return self.root / f"{repo}.git"

    def create(self, repo: int, branch: str) -> None:
        shutil.copytree(self._template, self.path(repo))
        (self.path(repo) / "HEAD").write_text(f"ref: refs/heads/{branch}\n")

    def fork(self, source: int, target: int) -> None:
        shutil.copytree(self.path(source), self.path(target))
        shutil.rmtree(self.path(target) / self._hidden, ignore_errors=True)

    async def remove(self, repo: int) -> None:
        reader = self._readers.pop(repo, None)
        if reader is not None:
            await reader.close()
        shutil.rmtree(self.path(repo), ignore_errors=True)

    async def close(self) -> None:
        for reader in (*self._readers.values(), *self._retired):
            await reader.close()
        self._readers.clear()

    async def run(self, repo: int, *args: str, stdin: bytes = b"") -> bytes:
        """Standard output of a git command in that repository; raises GitError."""
        process = await asyncio.create_subprocess_exec(
            *("git", "--git-dir", str(self.path(repo)), *args),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean_environment(),
        )
        out, err = await process.communicate(stdin)
        if process.returncode != 0:
            raise GitError(err.decode("utf-8", "replace") or f"exit {process.returncode}")
        return out

    async def read(self, repo: int, spec: str) -> tuple[str, str, bytes] | None:
        """(object id, type, content) of a revision or ``rev:path``; None where there is none."""
        if "\n" in spec or not spec:
            return None
        reader = self._readers.get(repo)
        if reader is None:
            reader = self._readers[repo] = _Reader(self.path(repo))
        self._readers.move_to_end(repo)
        found = await reader.read(spec)
        if len(self._readers) > _MOST_READERS:
            _, oldest = self._readers.popitem(last=False)
            self._retired.append(oldest)
            await oldest.close()
        return found

    async def commit(self, repo: int, rev: str) -> Commit | None:
        """A commit by full sha, branch, tag or fully named ref."""
        known = self._commits.get(rev)
        if known is not None and (repo, rev) in self._answers:
            return known
        found = await self.read(repo, f"{rev}^{{commit}}")
        if found is None:
            return None
        sha, _, data = found
        commit = self._commits[sha] = parse_commit(sha, data)
        self._answers[(repo, sha)] = True
        return commit

    async def tree(self, repo: int, spec: str) -> list[Entry] | None:
        found = await self.read(repo, spec)
        return parse_tree(found[2]) if found is not None and found[1] == "tree" else None

    async def refs(self, repo: int) -> dict[str, str]:
        """Branches and tags with the object each points to."""
        out = await self.run(
            repo, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"
        )
        pairs = (line.split(" ", 1) for line in out.decode().splitlines())
        return {name: sha for sha, name in pairs}

    async def list_commits(self, repo: int, *revs: str, limit: int = 250) -> list[str]:
        out = await self.run(repo, "rev-list", f"--max-count={limit}", *revs, "--")
        return out.decode().split()

    async def merge_base(self, repo: int, one: str, two: str) -> str | None:
        key = ("base", repo, one, two)
        if key not in self._answers:
            try:
                out = await self.run(repo, "merge-base", one, two)
            except GitError:
                out = b""
            self._answers[key] = out.decode().strip() or None
        return self._answers[key]  # type: ignore[return-value]  # only ever stored above

    async def is_ancestor(self, repo: int, old: str, new: str) -> bool:
        return old == new or await self.merge_base(repo, old, new) == old

    async def diff(self, repo: int, old: str, new: str) -> list[FileChange]:
        """Files that differ between two trees or commits, with patches, renames detected."""
        key = ("diff", repo, old, new)
        if key not in self._answers:
            self._answers[key] = await self._diff(repo, old, new)
        return self._answers[key]  # type: ignore[return-value]  # only ever stored above

    async def _diff(self, repo: int, old: str, new: str) -> list[FileChange]:
        raw = await self.run(repo, "diff-tree", "-r", "-z", "-M", "--raw", old, new)
        files = parse_raw_diff(raw)
        text = await self.run(repo, "diff-tree", "-r", "-M", "-p", "--no-color", old, new)
        patches = parse_patches(text.decode("utf-8", "replace"))
        patches += [(0, 0, None)] * (len(files) - len(patches))
        return [
            FileChange(status, path, previous, sha, added, removed, patch)
            for (status, path, previous, sha), (added, removed, patch) in zip(
                files, patches, strict=False
            )
        ]

    async def update_ref(self, repo: int, ref: str, sha: str) -> None:
        await self.run(repo, "update-ref", ref, sha)

    async def delete_ref(self, repo: int, ref: str) -> None:
        await self.run(repo, "update-ref", "-d", ref)

    async def fetch_from(self, repo: int, source: int, sha: str, ref: str) -> None:
        """Bring a commit of another repository here, under a ref (a fork's pull request)."""
        await self.run(repo, "fetch", "--quiet", str(self.path(source)), f"+{sha}:{ref}")

    async def merge_tree(self, repo: int, base: str, head: str) -> str | None:
        """The tree of a merge without conflicts, else None."""
        key = ("merge", repo, base, head)
        if key not in self._answers:
            try:
                out = await self.run(repo, "merge-tree", "--write-tree", base, head)
                self._answers[key] = out.decode().split("\n", 1)[0]
            except GitError:
                self._answers[key] = None
        return self._answers[key]  # type: ignore[return-value]  # only ever stored above
