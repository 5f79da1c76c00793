"""Names of Debian or Ubuntu packages in, their .deb files with all they depend on out; root is not needed.

A name that ends with `?` is of a package that not every release has: it is taken where there is one.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NOT_NEEDED = re.compile(r"(perl|libperl|liberror-perl|git-man|gcc-\d+-base|dpkg)")
"""Documentation, and what git and its friends need for scripts that no test runs."""


_FETCHED: dict[tuple[str, ...], tuple[Path, ...]] = {}
_FRESH: set[Path] = set()
"""Where this process got package lists of its own; once is enough."""


class NoPackagesError(Exception):
    """The distribution's packages cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The machine's own package sources, used without its list of installed packages."""

    work: Path
    own_lists: bool

    def packages(self, names: Sequence[str]) -> Iterable[str]:
        """The names and everything they depend on, as on an empty machine."""
        names = [name.removesuffix("?") for name in names if self._is_wanted(name)]
        answer = self._run("apt-get", "--no-install-recommends", "--simulate", "install", *names)
        found = re.findall(r"^Inst (\S+)", answer, re.MULTILINE)
        return [name for name in found if name in names or not NOT_NEEDED.match(name)]

    def download(self, names: Iterable[str], folder: Path) -> Iterable[Path]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._run("apt-get", "--quiet", "download", *names, folder=folder)
        return sorted(folder.glob("*.deb"))

    def update(self) -> None:
        (self.work / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "--quiet", "update")

    def _is_wanted(self, name: str) -> bool:
        """Not so if it ends with `?` and this release has no such package; `pkgnames` gives all that begin so."""
        bare = name.removesuffix("?")
        return bare == name or bare in self._run("apt-cache", "pkgnames", bare).split()

    def _run(self, *command: str, folder: Path | None = None) -> str:
        (self.work / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        (self.work / "status").touch()
        options = [f"Dir::State::status={self.work}/status", f"Dir::Cache={self.work}/cache"]
        options += ["Debug::NoLocking=1", "APT::Sandbox::User=root", "Acquire::Retries=2"]
        if self.own_lists:
            options.append(f"Dir::State::lists={self.work}/lists")
        flags = [part for option in options for part in ("-o", option)]
        done = subprocess.run(
            [command[0], *flags, *command[1:]],
            cwd=folder,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoPackagesError(
                done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "apt-get failed"
            )
        return done.stdout


def fetch(names: Sequence[str], work: Path, say: Callable[[str], None]) -> Iterable[Path]:
    """Downloads into `work`; raises `NoPackagesError`. The machine's package lists are used, or else fresh ones.

    Several images are made of the same packages; within a process they are downloaded once.
    """
    if tuple(names) not in _FETCHED:
        _FETCHED[tuple(names)] = tuple(_fetch(names, work, say))
    return _FETCHED[tuple(names)]


def _fetch(names: Sequence[str], work: Path, say: Callable[[str], None]) -> Iterable[Path]:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NoPackagesError("this machine has no apt-get and dpkg-deb")
    work = work.resolve()
    debs = work / hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
    archive = Archive(work, own_lists=work in _FRESH)
    try:
        return archive.download(archive.packages(names), debs)
    except NoPackagesError:
        if work in _FRESH:
            raise
        say("the package lists are missing or out of date; getting fresh ones (about 10 s)")
    archive = Archive(work, own_lists=True)
    archive.update()
    _FRESH.add(work)
    return archive.download(archive.packages(names), debs)


@contextmanager
def contents(package: Path) -> Iterator[tarfile.TarFile]:
    """The files of a package as a tar stream."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as files,
    ):
        yield files
        if process.stdout:
            process.stdout.read()
    if process.returncode:
        raise NoPackagesError(f"{package.name} cannot be unpacked")
