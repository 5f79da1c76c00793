"""A commit's id and where it came from in; the `.git` of a new work tree that borrows its objects out."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from ci_bot.ports import OBJECTS_INSIDE
from ci_bot.workspace.git import Git

_CONFIG: Final = """\
[core]
\trepositoryformatversion = {version}
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[gc]
\tauto = 0
"""
_SHA256: Final = """\
[extensions]
\tobjectformat = sha256
"""
_REMOTE: Final = """\
[remote "origin"]
\turl = "{url}"
\tfetch = +refs/heads/*:refs/remotes/origin/*
"""
_FOLDERS: Final = (
    "objects",
    "objects/info",
    "objects/pack",
    "refs",
    "refs/heads",
    "refs/tags",
    "info",
)


async def tags_of(git: Git, repository: Path, of: Collection[str] | None = None) -> bytes:
    """Tags of a bare repository or a `.git`, as lines of a `packed-refs` file.

    All of them, or those alone that stand for one of the commits `of`.
    """
    told = await git.run(
        "for-each-ref",
        "--format=%(objectname) %(refname) %(*objectname)",
        "refs/tags/",
        doing="listing tags",
        env={"GIT_DIR": str(repository)},
    )
    tags = [line.split(b" ") for line in told.split(b"\n") if line]
    return b"".join(
        b"%s %s\n" % (object_id, name)
        for object_id, name, peeled in tags
        if of is None or (peeled or object_id).decode() in of
    )


def make(tree: Path, sha: str, origin: str, tags: bytes) -> Path:
    """Writes `<tree>/.git` with a detached HEAD, without index and objects; its path.

    `origin` is a URL without credentials, "" for no remote; `tags` are lines of a `packed-refs` file.
    Everything is writable for all, since a step has whatever user its image says.
    """
    git = tree / ".git"
    for folder in (git, *(git / name for name in _FOLDERS)):
        folder.mkdir()
        folder.chmod(0o777)
    _write(git / "HEAD", f"{sha}\n".encode())
    _write(git / "config", _config(sha, origin).encode())
    if tags:
        _write(git / "packed-refs", tags)
    return git


def cut(git: Path, shallow: bytes) -> None:
    """From now on the history of `.git` ends where `shallow` says."""
    if shallow:
        _write(git / "shallow", shallow)


def borrow_inside(git: Path) -> None:
    """From now on objects are looked for where a step sees them, so git works there and not here."""
    _write(git / "objects/info/alternates", f"{OBJECTS_INSIDE}\n".encode())


def borrowing(tree: Path, objects: Path) -> dict[str, str]:
    """The environment with which git works in a new tree here, before a step has touched it."""
    quoted = str(objects).replace("\\", "\\\\").replace('"', '\\"')
    return {
        "GIT_DIR": str(tree / ".git"),
        "GIT_WORK_TREE": str(tree),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"',
    }


def _config(sha: str, origin: str) -> str:
    is_sha256 = len(sha) == 64
    text = _CONFIG.format(version=int(is_sha256)) + (_SHA256 if is_sha256 else "")
    if origin:
        text += _REMOTE.format(url=origin.replace("\\", "\\\\").replace('"', '\\"'))
    return text


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o666)
