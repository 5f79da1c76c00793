"""Names of the images that the demo and the tests use in; those images in the engine, by tag, out.

Each is made from the distribution's own packages in seconds, or where there are none from a pulled image.
What was made once stays under `.cache/images`, so that a new engine gets it in a second or two. A change of the recipes
(this file, `packages.py`, `recipes.py`, `rootfs.py`) makes all of them anew.
"""

import fcntl
import hashlib
import os
import re
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from dev import packages
from dev.recipes import RECIPES, Changed, Made, Source
from dev.rootfs import Rootfs, rootfs

Say = Callable[[str], None]

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "images"
LABEL = "ci-bot.test-image"
RECIPE_LABEL = "ci-bot.recipe"
PULL_SECONDS = 5
ENGINE_SECONDS = 300


class ImagesError(Exception):
    """The images cannot be made; the message says why and what to do."""


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
    except packages.NoPackagesError as error:
        raise ImagesError(str(error)) from error
    except (DockerException, RequestException) as error:
        raise ImagesError(f"the Docker engine refused: {_short(error)}. Next: dev/engine.sh") from error


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
    engine = docker.from_env(timeout=seconds).api
    try:
        yield engine
    finally:
        engine.close()


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
        _import(engine, name, _tarball(name, recipe, say), (*recipe.config, *labels))
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


def _tarball(name: str, recipe: Made, say: Say) -> Path:
    stem = name.removeprefix("ci-bot/").replace(":", "-")
    path = CACHE / f"{stem}-{_recipe()}.tar"
    if not path.exists():
        for old in CACHE.glob(f"{stem}-{'?' * 12}.tar"):
            old.unlink()
        with rootfs(path, merged=recipe.merged) as root:
            recipe.finish(root, _fill(root, recipe.source, partial(_said_of, say, name)))
    return path


def _said_of(say: Say, name: str, line: str) -> None:
    say(f"{name}: {line}")


def _fill(root: Rootfs, source: Source, say: Say) -> Mapping[str, bytes]:
    taken: dict[str, bytes] = {}
    for part in _parts(source, say):
        if source.takes:
            taken |= _taken(part, source.takes)
        else:
            root.merge(part)
    missing = set(source.takes) - set(taken)
    if missing:
        raise ImagesError(f"there is no {' '.join(missing)} in {' '.join(source.packages)}")
    return taken


def _taken(part: tarfile.TarFile, paths: Iterable[str]) -> Mapping[str, bytes]:
    taken: dict[str, bytes] = {}
    for entry in part:
        for path in paths:
            content = part.extractfile(entry) if f"/{entry.name}".endswith(f"/{path}") else None
            if content is not None:
                taken[path] = content.read()
    return taken


def _parts(source: Source, say: Say) -> Iterator[tarfile.TarFile]:
    """Tar streams of the packages, or of the pulled image."""
    say(f"making it from packages ({' '.join(source.packages)})")
    try:
        found = packages.fetch(source.packages, CACHE.parent / "packages", say)
    except packages.NoPackagesError as no_packages:
        with _pulled(source.otherwise, no_packages, say) as files:
            yield files
        return
    for package in found:
        with packages.contents(package) as files:
            yield files


@contextmanager
def _pulled(image: str, no_packages: packages.NoPackagesError, say: Say) -> Iterator[tarfile.TarFile]:
    if os.environ.get("CI_BOT_NO_PULL"):
        raise ImagesError(f"{no_packages}, and CI_BOT_NO_PULL forbids to pull {image}")
    say(f"{no_packages}; pulling {image} instead")
    with _engine(PULL_SECONDS) as engine, TemporaryFile(dir=CACHE) as spool:
        try:
            _export(engine, image, spool)
        except (DockerException, RequestException) as error:
            raise ImagesError(
                f"{no_packages}, and {image} cannot be pulled: {_short(error)}"
            ) from error
        spool.seek(0)
        with tarfile.open(fileobj=spool) as files:
            yield files


def _export(engine: docker.APIClient, image: str, spool: IO[bytes]) -> None:
    repository, _, tag = image.partition(":")
    for _progress in engine.pull(repository, tag or "latest", stream=True):
        pass  # each line that comes is a sign of life; silence ends the wait
    container = engine.create_container(image, ["-"])["Id"]
    try:
        for chunk in engine.export(container):
            spool.write(chunk)
    finally:
        engine.remove_container(container, force=True)


def _short(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))[-300:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
