"""A fresh checkout in; the content of its files in Git LFS in place of their pointers, out.

The objects come from the repository's own address: what `.lfsconfig` says of another counts for nothing,
since the author of a commit wrote it. https://github.com/git-lfs/git-lfs/blob/main/docs/man/git-lfs-config.adoc
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ci_bot.core.errors import CheckoutRefused, WorkspaceError
from ci_bot.ports import CloneSource
from ci_bot.workspace.git import Git

MISSING: Final = (
    "checkout.lfs is asked for, and this server has no git-lfs; whoever runs ci-bot must install it "
    "(on Debian: apt-get install git-lfs), or set checkout.lfs to false"
)
_FILTER: Final = (
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge -- %f"),
    ("filter.lfs.process", "git-lfs filter-process"),
    ("filter.lfs.required", "true"),
)


async def bring(git: Git, tree: Path, sha: str, source: CloneSource, env: Mapping[str, str]) -> None:
    """`env` is the environment in which git works in `tree`. Raises `CheckoutRefused` and `GitFailed`."""
    if await version() is None:
        raise CheckoutRefused(MISSING)
    config = (*_FILTER, ("lfs.url", endpoint(source.url)))
    for args in (("fetch", "origin", sha), ("checkout",)):
        await git.run(
            "-C", str(tree), "lfs", *args,
            doing=f"bringing the files in Git LFS of {sha[:7]}",
            env=env,
            source=source,
            umask=0,
            config=config,
        )  # fmt: skip


def endpoint(url: str) -> str:
    """https://github.com/git-lfs/git-lfs/blob/main/docs/api/server-discovery.md"""
    base = url.rstrip("/")
    return f"{base}/info/lfs" if base.endswith(".git") else f"{base}.git/info/lfs"


async def version() -> str | None:
    """ "git-lfs/3.3.0", None where it is not installed."""
    try:
        told = await Git().run("lfs", "version", doing="looking for git-lfs")
    except WorkspaceError:
        return None
    return told.decode("utf-8", "replace").partition(" ")[0].strip()
