"""Names of the images of `examples/` and of ci-bot's own `.ci.yaml` in; those images in the engine, by tag, out.

They are made from the distribution's packages on top of the same system as `images.py` has, and take a minute each
at first. What was made once stays under `.cache/images`.
"""

import fcntl
import hashlib
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import docker
from docker.errors import DockerException

from dev import packages
from dev.images import CACHE, LABEL, RECIPE_LABEL, ImagesError
from dev.recipes import SYSTEM
from dev.rootfs import Rootfs, rootfs

GO = "ci-bot/go:1"
PYTHON = "ci-bot/python:1"
PYPY = "ci-bot/pypy:1"
POSTGRES = "ci-bot/postgres:1"
DEV = "ci-bot/dev:1"

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The packages of a distribution with all they depend on, less what no test asks for."""

    packages: tuple[str, ...]
    without: str = r"$^"  # packages, as a regular expression over their names
    drops: str = r"$^"  # paths of files
    requirements: str = ""  # a lock file of pip's, for Python of the same version as ours
    run: str = "true"  # last, in a container of it
    files: tuple[tuple[str, str], ...] = ()  # path, text of a program
    config: tuple[str, ...] = ('CMD ["/bin/sh"]',)


POSTGRES_START = """\
#!/bin/sh
# Serves the database "app" to everybody who reaches it: for tests alone.
set -e
echo "host all all all trust" >>/var/lib/pg/pg_hba.conf
exec postgres -D /var/lib/pg -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
"""
POSTGRES_MAKE = """\
mkdir -p /var/lib/pg && chown 1000:1000 /var/lib/pg
exec setpriv --reuid 1000 --regid 1000 --clear-groups sh -ec '
    initdb -D /var/lib/pg -U app -A trust --no-locale -E UTF8 >/dev/null
    pg_ctl -D /var/lib/pg -w -o "-c unix_socket_directories=/tmp" start >/dev/null
    createdb -h /tmp -U app app
    pg_ctl -D /var/lib/pg -w stop >/dev/null'
"""
#: Without them every container would compile them anew.
COMPILE = "python3 -m compileall -q -j 0 /usr/lib/python3* >/dev/null || true"
#: Their versions differ between distributions, and no image's configuration can say "whichever is there".
POSTGRES_PATH = "ln -s /usr/lib/postgresql/*/bin /usr/lib/postgresql/bin\n"

TOOLCHAINS = {
    GO: Toolchain(
        (*SYSTEM, "golang-go", "ca-certificates"),
        without=r"gcc|cpp|g\+\+|binutils|libc6-dev|linux-libc|lib.*-dev|libgcc-1\d|libstdc|pkgconf|perl|lib[aglmtuq]*san",
        drops=r"(_test\.go|/testdata/.*|_race/.*|usr/(lib|share)/go-[0-9.]+/(test|doc|misc|api)/.*)$",
        run="go build net/http && go vet net/http",
        config=(
            "ENV GOCACHE=/var/cache/go CGO_ENABLED=0 GOFLAGS=-mod=mod GOPROXY=off",
            'CMD ["/bin/sh"]',
        ),
    ),
    PYTHON: Toolchain((*SYSTEM, "python3", "python3-psycopg2"), run=COMPILE),
    PYPY: Toolchain((*SYSTEM, "pypy3"), run="ln -sf pypy3 /usr/bin/python3"),
    POSTGRES: Toolchain(
        (*SYSTEM, "postgresql"),
        without=r"libllvm|perl|libperl|ssl-cert|python|libz3|postgresql(-client)?-common",
        drops=r"/(bitcode|llvmjit.*)(/.*)?$",
        files=(("usr/bin/postgres-start", POSTGRES_START),),
        run=POSTGRES_PATH + POSTGRES_MAKE,
        config=(
            "ENV PATH=/usr/lib/postgresql/bin:/usr/bin:/bin",
            "USER 1000",
            'CMD ["postgres-start"]',
        ),
    ),
    DEV: Toolchain(
        (*SYSTEM, "git", "libc-bin", "libstdc++6", "python3"),
        requirements="requirements/dev.txt",
        run=COMPILE,
        config=("ENV PATH=/usr/lib/python3/dist-packages/bin:/usr/bin:/bin", 'CMD ["/bin/sh"]'),
    ),
}


def ensure_toolchains(names: Iterable[str]) -> None:
    """Makes what the engine does not have yet. May be called by several processes at once. Raises `ImagesError`."""
    engine = docker.from_env(timeout=SECONDS)
    try:
        for name in names:
            with _one_at_a_time():
                if not _is_there(engine, name):
                    _make(engine, name)
    except DockerException as error:
        raise ImagesError(f"the Docker engine refused: {error}. Next: dev/engine.sh") from error
    except packages.NoPackagesError as error:
        raise ImagesError(str(error)) from error
    finally:
        engine.close()


def main(arguments: Sequence[str]) -> int:
    try:
        ensure_toolchains(arguments or TOOLCHAINS)
    except ImagesError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock-of-toolchains").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_there(engine: docker.DockerClient, name: str) -> bool:
    found = engine.images.list(filters={"label": f"{RECIPE_LABEL}={_recipe(name)}"})
    return any(name in image.tags for image in found)


def _recipe(name: str) -> str:
    chain = TOOLCHAINS[name]
    lock = (ROOT / chain.requirements).read_text() if chain.requirements else ""
    return hashlib.sha256(f"{chain}{lock}".encode()).hexdigest()[:12]


def _make(engine: docker.DockerClient, name: str) -> None:
    print(f"images: making {name} from packages, which takes a minute", flush=True)
    chain = TOOLCHAINS[name]
    raw = f"{name.partition(':')[0]}-raw"
    answer = engine.api.import_image_from_file(
        str(_tarball(name)), raw, "1", changes=list(chain.config)
    )
    if '"error"' in answer:
        raise ImagesError(f"the engine did not take {name}: {answer.strip()[-300:]}")
    labels = (f"LABEL {LABEL}=1", f"LABEL {RECIPE_LABEL}={_recipe(name)}")
    container = engine.containers.create(
        f"{raw}:1", ["sh", "-ec", chain.run], user="0", network_mode="none"
    )
    try:
        container.start()
        if container.wait()["StatusCode"]:
            raise ImagesError(f"{name} cannot be made: {container.logs().decode()[-500:]}")
        repository, tag = name.split(":")
        container.commit(repository, tag, changes="\n".join((*chain.config, *labels)))
    finally:
        container.remove(force=True)
    engine.images.remove(f"{raw}:1", noprune=False)


def _tarball(name: str) -> Path:
    stem = re.sub(r"[/:]", "-", name.removeprefix("ci-bot/"))
    path = CACHE / f"{stem}-{_recipe(name)}.tar"
    if not path.exists():
        for old in CACHE.glob(f"{stem}-{'?' * 12}.tar"):
            old.unlink()
        with rootfs(path, merged=True) as root:
            _fill(root, TOOLCHAINS[name])
    return path


def _fill(root: Rootfs, chain: Toolchain) -> None:
    for path, text in chain.files:
        root.file(path, text.encode(), mode=0o755)
    if chain.requirements:
        _install(root, ROOT / chain.requirements)
    for package in packages.fetch(chain.packages, CACHE.parent / "packages", print):
        if not re.match(chain.without, package.name):
            with packages.contents(package) as files:
                root.merge(cast("tarfile.TarFile", _Sieved(files, chain.drops)))
    for link, target in (("sh", "dash"), ("awk", "mawk"), ("which", "which.debianutils")):
        root.link(f"usr/bin/{link}", target)


def _install(root: Rootfs, requirements: Path) -> None:
    """What the lock says, as pip of this Python installs it: the distribution's, where dev/python.sh found that."""
    with TemporaryDirectory(dir=CACHE) as folder:
        command = [
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--no-compile",
            "--no-deps",
        ]
        wanted = [
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--target",
            folder,
            "-r",
            str(requirements),
        ]
        done = subprocess.run(
            [sys.executable, "-m", *command, *wanted], capture_output=True, check=False
        )
        if done.returncode:
            raise ImagesError(f"pip could not install {requirements}: {done.stderr.decode()[-500:]}")
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                place = f"usr/lib/python3/dist-packages/{path.relative_to(folder)}"
                root.file(place, _portable(path.read_bytes()), mode=path.stat().st_mode & 0o777)


def _portable(content: bytes) -> bytes:
    """Scripts that pip wrote name the Python that ran it."""
    return re.sub(rb"\A#!.*python.*", b"#!/usr/bin/python3", content)


class _Sieved:
    """A tar stream without some of its files."""

    def __init__(self, files: tarfile.TarFile, drops: str) -> None:
        self._drops = re.compile(drops)
        self._files = files
        self.extractfile = files.extractfile

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        return (entry for entry in self._files if not self._drops.search(entry.name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
