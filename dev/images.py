"""Names of the images that the demo and the tests use in; those images in the engine, by tag, out.

Each is made in seconds, from a pulled image or the distribution's own packages (`recipes.Source` says which first).
What was made once stays under `.cache/images`, so that a new engine gets it in a second or two. A change of the recipes
(this file, `packages.py`, `recipes.py`, `rootfs.py`) makes all of them anew.
"""

import fcntl
import hashlib
import json
import os
import re
import socket
import struct
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException, Timeout

from dev import packages
from dev.recipes import BUSYBOX, RECIPES, Changed, Made, Source
from dev.rootfs import Rootfs, rootfs

Say = Callable[[str], None]

PT_LOAD, PT_INTERP = 1, 3
CACHE = Path(__file__).resolve().parent.parent / ".cache" / "images"
LABEL = "ci-bot.test-image"
RECIPE_LABEL = "ci-bot.recipe"
SILENCE_SECONDS = 5
"""How long a registry may say nothing before it counts as not there."""
PROGRAM_SECONDS = 20
"""How long the pull of an image of one program may take in all: packages are nearly as good."""
ENGINE_SECONDS = 300

_PROGRAMS: dict[Source, Mapping[str, bytes]] = {}
_NOT_PULLED: dict[str, str] = {}
"""Why an image could not be pulled: within a process a registry that does not answer is waited for once."""


class ImagesError(Exception):
    """The images cannot be made; the message says why and what to do."""


class NoPullError(Exception):
    """An image cannot be pulled, or what was pulled is of no use; the message says which and why."""


def ensure_images(names: Iterable[str] | None = None, *, say: Say | None = None) -> None:
    """Makes what the engine of `DOCKER_HOST` does not have yet; all of them without names.

    May be called by several processes at once. Takes some 20 ms where nothing is to be done. Raises `ImagesError`.
    """
    wanted = tuple(RECIPES if names is None else names)
    unknown = [name for name in wanted if name not in RECIPES]
    if unknown:
        raise ImagesError(f"no recipe for {', '.join(unknown)}; there are {', '.join(RECIPES)}")
    try:
        with _engine(ENGINE_SECONDS) as engine:
            if set(wanted) - _present(engine):
                with _one_at_a_time():
                    _make_missing(engine, wanted, say or _say)
    except (DockerException, RequestException) as error:
        raise ImagesError(f"the Docker engine refused: {_short(error)}. Next: dev/engine.sh") from error


def static_busybox(into: Path, *, say: Say | None = None) -> Path:
    """The busybox of the images, as a program in the directory `into`.

    It is for the engine's kind of machine. No engine is needed where one made it before, or where there are packages.
    Raises `ImagesError`.
    """
    with _one_at_a_time(), tarfile.open(_tarball(BUSYBOX, say or _say)) as files:
        content = _taken(files, ("bin/busybox",))["bin/busybox"]
    program = into / "busybox"
    program.write_bytes(content)
    program.chmod(0o755)
    return program


def main(arguments: Sequence[str]) -> int:
    try:
        ensure_images(arguments or None)
    except ImagesError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(f"images: {line}", flush=True)


@contextmanager
def _engine(seconds: int) -> Iterator[docker.APIClient]:
    _knock()
    engine = docker.from_env(timeout=seconds).api
    try:
        yield engine
    finally:
        engine.close()


def _knock() -> None:
    """Raises `DockerException` if nothing listens at the engine's socket: the client would leave its own open then."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(host.removeprefix("unix://"))
        except OSError as error:
            raise DockerException(f"no engine listens at {host}: {error.strerror or error}") from error


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _present(engine: docker.APIClient) -> set[str]:
    found = engine.images(filters={"label": f"{RECIPE_LABEL}={_recipe()}"})
    return {tag for image in found for tag in image["RepoTags"] or ()}


def _recipe() -> str:
    here = Path(__file__).parent
    sources = [
        (here / name).read_bytes() for name in ("images.py", "packages.py", "recipes.py", "rootfs.py")
    ]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]


def _make_missing(engine: docker.APIClient, wanted: Iterable[str], say: Say) -> None:
    present = _present(engine)
    for name in wanted:
        for each in _needed_first(name):
            if each not in present:
                _make(engine, each, say)
                present.add(each)
    with suppress(APIError):  # somebody else is at it
        engine.prune_images(  # type: ignore[no-untyped-call]
            filters={"dangling": True, "label": [LABEL]}
        )


def _needed_first(name: str) -> Iterator[str]:
    recipe = RECIPES[name]
    if isinstance(recipe, Changed):
        yield from _needed_first(recipe.of)
    yield name


def _make(engine: docker.APIClient, name: str, say: Say) -> None:
    start = time.monotonic()
    recipe = RECIPES[name]
    labels = (f"LABEL {LABEL}=1", f"LABEL {RECIPE_LABEL}={_recipe()}")
    if isinstance(recipe, Changed):
        _commit(engine, name, recipe, (*recipe.config, *labels))
    else:
        _import(engine, name, _tarball(name, say), (*recipe.config, *labels))
    say(f"{name} ready in {time.monotonic() - start:.1f} s")


def _commit(engine: docker.APIClient, name: str, recipe: Changed, config: Sequence[str]) -> None:
    repository, tag = name.split(":")
    container = engine.create_container(recipe.of)["Id"]
    try:
        engine.commit(container, repository=repository, tag=tag, changes="\n".join(config))
    finally:
        engine.remove_container(container, force=True)


def _import(engine: docker.APIClient, name: str, tarball: Path, config: Sequence[str]) -> None:
    repository, tag = name.split(":")
    answer = engine.import_image_from_file(str(tarball), repository, tag, changes=list(config))
    if '"error"' in answer:
        raise ImagesError(f"the engine did not take {name}: {answer.strip()[-300:]}")


def _tarball(name: str, say: Say) -> Path:
    recipe = RECIPES[name]
    if not isinstance(recipe, Made):
        raise ImagesError(f"{name} is another image with other settings; it has no files of its own")
    stem = name.removeprefix("ci-bot/").replace(":", "-")
    path = CACHE / f"{stem}-{_recipe()}.tar"
    if not path.exists():
        for old in CACHE.glob(f"{stem}-{'?' * 12}.tar"):
            old.unlink()
        with rootfs(path, merged=recipe.merged, capabilities=recipe.capabilities) as root:
            recipe.finish(root, _fill(root, recipe.source, partial(_said_of, say, name)))
    return path


def _said_of(say: Say, name: str, line: str) -> None:
    say(f"{name}: {line}")


def _fill(root: Rootfs, source: Source, say: Say) -> Mapping[str, bytes]:
    try:
        if source.takes:
            return _programs(source, say)
        _merge_system(root, source, say)
    except packages.NoPackagesError as error:
        raise ImagesError(str(error)) from error
    return {}


def _merge_system(root: Rootfs, source: Source, say: Say) -> None:
    """Packages first, and a pull where there are none."""
    say(f"making it from packages ({' '.join(source.packages)})")
    try:
        found = _fetched(source, say)
    except packages.NoPackagesError as no_packages:
        say(f"{no_packages}; pulling {source.image} instead")
        try:
            with _pulled(source.image, ENGINE_SECONDS) as files:
                root.merge(files)
        except NoPullError as no_pull:
            raise ImagesError(f"{no_packages}, and {no_pull}") from no_pull
        return
    for package in found:
        with packages.contents(package) as files:
            root.merge(files)


def _programs(source: Source, say: Say) -> Mapping[str, bytes]:
    """A pull first, and packages where no registry answers. Several images need them; they are got once."""
    if source not in _PROGRAMS:
        try:
            _PROGRAMS[source] = _pulled_programs(source)
            say(f"taking {' '.join(source.takes)} from {source.image}, pulled")
        except NoPullError as no_pull:
            say(f"making it from packages ({' '.join(source.packages)}), since {no_pull}")
            try:
                _PROGRAMS[source] = _packaged_programs(source, say)
            except packages.NoPackagesError as no_packages:
                raise ImagesError(f"{no_packages}, and {no_pull}") from no_packages
    return _PROGRAMS[source]


def _packaged_programs(source: Source, say: Say) -> Mapping[str, bytes]:
    taken: dict[str, bytes] = {}
    for package in _fetched(source, say):
        with packages.contents(package) as files:
            taken |= _taken(files, source.takes)
    if missing := set(source.takes) - set(taken):
        raise ImagesError(f"there is no {' '.join(missing)} in {' '.join(source.packages)}")
    return taken


def _pulled_programs(source: Source) -> Mapping[str, bytes]:
    """Each is known to be static, and to have run on the engine's machine."""
    with _pulled(source.image, PROGRAM_SECONDS, runs=source.takes) as files:
        taken = _taken(files, source.takes)
    for path in source.takes:
        if not _is_static(taken.get(path, b"")):
            raise NoPullError(f"{path} in {source.image} is no static program")
    return taken


def _fetched(source: Source, say: Say) -> Iterable[Path]:
    return packages.fetch(source.packages, CACHE.parent / "packages", say)


def _taken(files: tarfile.TarFile, paths: Iterable[str]) -> Mapping[str, bytes]:
    taken: dict[str, bytes] = {}
    for entry in files:
        for path in paths:
            content = files.extractfile(entry) if f"/{entry.name}".endswith(f"/{path}") else None
            if content is not None:
                taken[path] = content.read()
    return taken


def _is_static(program: bytes) -> bool:
    """Whether it is an ELF program that asks for no interpreter, which is the loader of shared libraries.

    See https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
    """
    if len(program) < 64 or not program.startswith(b"\x7fELF"):
        return False
    order = "<" if program[5] == 1 else ">"
    if program[4] == 2:
        (table,) = struct.unpack_from(f"{order}Q", program, 32)
        size, count = struct.unpack_from(f"{order}HH", program, 54)
    else:
        (table,) = struct.unpack_from(f"{order}I", program, 28)
        size, count = struct.unpack_from(f"{order}HH", program, 42)
    if table + size * count > len(program) or size < 4:
        return False
    kinds = [struct.unpack_from(f"{order}I", program, table + size * i)[0] for i in range(count)]
    return PT_LOAD in kinds and PT_INTERP not in kinds


@contextmanager
def _pulled(image: str, seconds: int, runs: Sequence[str] = ()) -> Iterator[tarfile.TarFile]:
    """The files of an image from a registry, after each program of `runs` did `true`. Raises `NoPullError`."""
    if os.environ.get("CI_BOT_NO_PULL"):
        raise NoPullError(f"CI_BOT_NO_PULL forbids to pull {image}")
    if image in _NOT_PULLED:
        raise NoPullError(_NOT_PULLED[image])
    with TemporaryFile(dir=CACHE) as spool:
        try:
            _pull(image, time.monotonic() + seconds)
            with _engine(ENGINE_SECONDS) as engine:
                for program in runs:
                    _run(engine, image, program)
                _export(engine, image, spool)
        except (DockerException, RequestException, NoPullError) as error:
            why = (
                f"no registry answered within {SILENCE_SECONDS} s" if isinstance(error, Timeout) else ""
            )
            _NOT_PULLED[image] = f"{image} is not to be had: {why or _short(error)}"
            raise NoPullError(_NOT_PULLED[image]) from error
        spool.seek(0)
        with tarfile.open(fileobj=spool) as files:
            yield files


def _pull(image: str, end: float) -> None:
    """Without credentials. Raises after a silence, and at `end` of the monotonic clock; the engine gives up with us."""
    repository, _, tag = image.partition(":")
    wanted = {"fromImage": repository, "tag": tag or "latest"}
    with _engine(SILENCE_SECONDS) as engine:
        url = f"{engine.base_url}/v{engine.api_version}/images/create"
        # The client's own `pull` would wait without an end.
        with engine.post(url, params=wanted, stream=True, timeout=SILENCE_SECONDS) as answer:
            for line in filter(None, answer.iter_lines()):
                said = json.loads(line)
                if refusal := said.get("error") or said.get("message"):
                    raise NoPullError(refusal)
                if time.monotonic() > end:
                    raise NoPullError("it took too long")


def _run(engine: docker.APIClient, image: str, program: str) -> None:
    container = engine.create_container(
        image,
        ["true"],
        entrypoint=[f"/{program}"],
        host_config=engine.create_host_config(network_mode="none"),
    )["Id"]
    try:
        engine.start(container)
        if status := engine.wait(container)["StatusCode"]:
            raise NoPullError(f"its {program} ended with {status} on the engine's machine")
    finally:
        engine.remove_container(container, force=True)


def _export(engine: docker.APIClient, image: str, spool: IO[bytes]) -> None:
    container = engine.create_container(image, ["-"])["Id"]
    try:
        for chunk in engine.export(container):
            spool.write(chunk)
    finally:
        engine.remove_container(container, force=True)


def _short(error: Exception) -> str:
    """The engine's own words where there are any; the library puts the whole request before them."""
    return re.sub(r"\s+", " ", str(getattr(error, "explanation", None) or error))[-300:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
