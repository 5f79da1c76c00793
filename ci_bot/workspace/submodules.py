"""A fresh checkout in; its submodules, and theirs, checked out in it, out. No step has touched it yet.

The author of a commit says in `.gitmodules` where submodules come from, so only addresses on the forge's
own host are asked, and the job's token goes to repositories of the same owner alone. `git submodule` is
not used: it runs commands that `.gitmodules` may name, and clones what we have not looked at.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ci_bot.core.errors import CheckoutRefused
from ci_bot.core.plain import plain
from ci_bot.ports import CloneSource
from ci_bot.workspace import dotgit
from ci_bot.workspace.failures import Failure, GitFailed
from ci_bot.workspace.git import Git, full_sha

MOST: Final = 100
DEEPEST: Final = 5
_GITLINK: Final = b"160000"
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~+-][A-Za-z0-9_.~+-]*)+", re.ASCII)
#: git@host:owner/name and ssh://git@host/owner/name: people write these for themselves.
_SSH: Final = re.compile(r"(?:ssh://)?git@(?P<host>[A-Za-z0-9.-]+)[:/](?P<path>[^:]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Module:
    """One submodule. `url` is as `.gitmodules` has it."""

    name: str
    path: str
    url: str
    sha: str


@dataclass(frozen=True, slots=True)
class Brought:
    """A submodule in its place. `source` is its own, with the token only where it may have it."""

    tree: Path
    sha: str
    source: CloneSource

    @property
    def git(self) -> dict[str, str]:
        """The environment in which git works in it."""
        return {"GIT_DIR": str(self.tree / ".git"), "GIT_WORK_TREE": str(self.tree)}


class Submodules:
    """Brings submodules at exactly the commit that the tree names, with as much history as the tree has."""

    def __init__(self, git: Git) -> None:
        self._git = git

    async def bring(
        self, tree: Path, sha: str, source: CloneSource, reading: Mapping[str, str], depth: int = 0
    ) -> Sequence[Brought]:
        """`reading` is the environment in which git reads the objects of `tree`; `depth` is how many commits
        in a row are brought of each, 0 for all.

        Raises `CheckoutRefused` for what the author must mend, and `GitFailed`.
        """
        waiting = [(Brought(tree, sha, source), reading, 0)]
        brought: list[Brought] = []
        while waiting:
            above, env, level = waiting.pop()
            modules = await self._modules(above.sha, env)
            if len(brought) + len(modules) > MOST or (modules and level >= DEEPEST):
                raise CheckoutRefused(
                    f"more than {MOST} submodules, or more than {DEEPEST} inside each other; "
                    "set checkout.submodules to false, and bring those that you need in a step"
                )
            for module in modules:
                inside = await self._bring_one(above, module, source, depth)
                brought.append(inside)
                waiting.append((inside, inside.git, level + 1))
            _write_config(above.tree / ".git/config", modules)
        return brought

    async def _modules(self, commit: str, env: Mapping[str, str]) -> Sequence[Module]:
        listed = await self._git.run(
            "ls-tree", "-r", "-z", full_sha(commit), doing="listing submodules", env=env
        )
        links = dict(_links(listed))
        if not links:
            return ()
        try:
            said = await self._git.run(
                "config", "-z", "--blob", f"{commit}:.gitmodules", "--list",
                doing="reading .gitmodules",
                env=env,
            )  # fmt: skip
        except GitFailed as error:
            raise CheckoutRefused(
                f"there are submodules, but no .gitmodules to read: {error}"
            ) from error
        return _named(links, said)

    async def _bring_one(
        self, above: Brought, module: Module, source: CloneSource, depth: int
    ) -> Brought:
        own = replace(source, url=address(module, above.source.url, source.url), refs=())
        if _owner(own.url) != _owner(source.url):
            own = replace(own, token="")
        inside = Brought(_empty_folder(above.tree, module), module.sha, own)
        dotgit.make(inside.tree, module.sha, own.url, b"")
        inside = replace(inside, source=await self._fetch(inside, module, depth))
        await self._git.run(
            "read-tree", "--reset", "-u", module.sha,
            doing=f"checking out submodule {module.name}",
            env=inside.git,
            umask=0,
        )  # fmt: skip
        return inside

    async def _fetch(self, inside: Brought, module: Module, depth: int) -> CloneSource:
        """A token for one repository may be refused where nobody's would not: so that is tried too.

        Returns the source as it was let in.
        """
        source = inside.source
        for given in dict.fromkeys((source.token, "")):
            try:
                await self._git.run(
                    "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                    *([f"--depth={depth}"] if depth else []), "--end-of-options", source.url, module.sha,
                    doing=f"fetching submodule {module.name} from {source.url}",
                    env={"GIT_DIR": inside.git["GIT_DIR"]},
                    source=replace(source, token=given),
                    umask=0,
                )  # fmt: skip
            except GitFailed as error:
                refused = error
                if error.failure not in (Failure.REFUSED, Failure.NOT_FOUND):
                    break
            else:
                return replace(source, token=given)
        if not refused.is_lasting:
            raise refused
        raise CheckoutRefused(
            f"{refused}; a job's token reads its own repository alone: submodules must be public, at a "
            "commit that was pushed"
        ) from refused


def address(module: Module, above: str, forge: str) -> str:
    """Where a submodule is fetched from, `above` being the address of what it is in.

    Raises `CheckoutRefused` for anything but a plain address on the host of `forge`.
    """
    here = urlsplit(forge)
    written = _joined(module.url, above) if module.url.startswith(("./", "../")) else module.url
    ssh = _SSH.fullmatch(written)
    if ssh and ssh["host"] == here.hostname:
        written = f"{here.scheme}://{here.netloc}/{ssh['path'].lstrip('/')}"
    asked = urlsplit(written)
    is_here = here.scheme in ("http", "https") and asked[:2] == here[:2]
    if not is_here or asked.query or asked.fragment:
        raise CheckoutRefused(
            f"submodule {shown(module.name)}: its address {shown(module.url)} is not on {here.netloc}, from "
            "where alone submodules are brought; write a relative one, like ../name.git"
        )
    if not _PATH.fullmatch(asked.path):
        raise CheckoutRefused(
            f"submodule {shown(module.name)}: {shown(module.url)} is not the address of a repository"
        )
    return asked.geturl()


def shown(text: str) -> str:
    """An author's text in one of our lines."""
    return f'"{plain(text.encode("utf-8", "replace"))[:200]}"'


def _joined(relative: str, above: str) -> str:
    """As git does it: https://git-scm.com/docs/git-submodule#Documentation/git-submodule.txt-add"""
    base = above.rstrip("/")
    while relative.startswith(("./", "../")):
        if relative.startswith("../"):
            base = base.rpartition("/")[0]
        relative = relative.partition("/")[2]
    return f"{base}/{relative}"


def _owner(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[0].lower()


def _links(listed: bytes) -> Iterator[tuple[str, str]]:
    """Path → commit of the submodules in the output of `git ls-tree -r -z`."""
    for entry in listed.split(b"\0"):
        what, _, path = entry.partition(b"\t")
        if what.startswith(_GITLINK):
            yield path.decode("utf-8", "surrogateescape"), what.split()[2].decode()


def _named(links: Mapping[str, str], said: bytes) -> Sequence[Module]:
    settings: dict[str, dict[str, str]] = {}
    for entry in said.decode("utf-8", "surrogateescape").split("\0"):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if section == "submodule" and name:
            settings.setdefault(name, {})[variable] = value
    by_path = {each.get("path", name): (name, each) for name, each in settings.items()}
    return [_module(path, sha, by_path) for path, sha in links.items()]


def _module(path: str, sha: str, by_path: Mapping[str, tuple[str, Mapping[str, str]]]) -> Module:
    name, said = by_path.get(path, ("", {}))
    if not said.get("url") or not name.isprintable():
        raise CheckoutRefused(
            f"{shown(path)} is a submodule, but .gitmodules does not say where it comes from; add it with "
            "`git submodule add`, or remove it with `git rm --cached`"
        )
    return Module(name, path, said["url"], full_sha(sha))


def _empty_folder(above: Path, module: Module) -> Path:
    """The folder that the checkout made for it, reached through folders alone."""
    folder = above
    for part in module.path.split("/"):
        folder /= part
        if part in ("", ".", "..") or not stat.S_ISDIR(folder.lstat().st_mode):
            raise CheckoutRefused(f"submodule {shown(module.name)}: its path is not a folder")
    if any(folder.iterdir()):
        raise CheckoutRefused(f"submodule {shown(module.name)}: there are files in its folder")
    return folder


def _write_config(config: Path, modules: Sequence[Module]) -> None:
    """So that git counts them as there: without it, `git submodule status` calls them uninitialised."""
    lines = [
        f'[submodule "{_quoted(module.name)}"]\n\tactive = true\n\turl = "{_quoted(module.url)}"\n'
        for module in modules
    ]
    with config.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(lines)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
