"""A commit and a depth in; the part of its history that a step is to see, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ci_bot.workspace.git import Git


@dataclass(frozen=True, slots=True)
class History:
    """Commits that are seen. The parents of `ends` are not."""

    commits: frozenset[str]
    ends: tuple[str, ...]

    @property
    def shallow(self) -> bytes:
        """A `.git/shallow`. https://git-scm.com/docs/shallow"""
        return "".join(f"{sha}\n" for sha in self.ends).encode()


async def history(git: Git, sha: str, depth: int, env: Mapping[str, str]) -> History:
    """What `git clone --depth` would bring: `depth` generations from `sha` on. Raises `GitFailed`."""
    seen: set[str] = set()
    level, ends = {sha}, tuple[str, ...]()
    for _ in range(depth):
        if not level:
            break
        parents = await _parents(git, level, env)
        seen |= level
        ends = tuple(sorted(commit for commit in level if parents[commit]))
        level = {parent for commit in level for parent in parents[commit]} - seen
    return History(frozenset(seen), ends)


async def _parents(git: Git, commits: set[str], env: Mapping[str, str]) -> dict[str, list[str]]:
    told = await git.run(
        "rev-list", "--no-walk=unsorted", "--parents", "--stdin",
        doing="reading the history",
        env=env,
        stdin="".join(f"{sha}\n" for sha in commits).encode(),
    )  # fmt: skip
    lines = (line.split() for line in told.decode().splitlines())
    return {sha: parents for sha, *parents in lines}
