"""Whether the engine sees this server's files: directories in, what a container reads there out.

It does not where the server is in a container without the same paths, on Docker Desktop outside the
shared folders, and on an engine of another machine.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import structlog
from docker import APIClient
from docker.errors import APIError

from ci_bot.executors.docker import convert, words
from ci_bot.executors.docker.engine import Engine

#: Begins with a dot, so that it is not taken for a job's control directory.
PROBE_PREFIX = ".probe-"
_SECONDS = 30
_CANDIDATES = 10

_log = structlog.get_logger(__name__)


class Sight:
    """Looks once: an engine does not move, and neither do the server's directories."""

    def __init__(self, engine: Engine, instance: str, folders: Sequence[Path]) -> None:
        self._engine = engine
        self._instance = instance
        self._folders = folders
        self._known: bool | None = None
        #: Held while a probe's container is there.
        self.looking = asyncio.Lock()

    async def is_clear(self, image: str) -> bool:
        """Whether files may be bound into containers; proved with this image, which has a shell."""
        found = await self._look([image])
        return found is not False

    async def look(self, image: str = "") -> bool | None:
        """As `is_clear`, with whatever image is on the engine, this one first; None: it could not be tried.

        Raises `EngineError`.
        """
        images = [] if self._known is not None else await self._engine.call(_local_images)
        return await self._look([*([image] if image else []), *images])

    @property
    def words(self) -> str:
        match self._known:
            case True:
                return "it sees the server's files"
            case False:
                return "it does not see the server's files, so they are copied (docs/operations.md)"
            case None:
                return "whether it sees the server's files, the first job will show"

    async def _look(self, images: Sequence[str]) -> bool | None:
        async with self.looking:
            folders = [folder for folder in self._folders if folder.is_dir()]
            if self._known is None and folders:
                self._known = await self._engine.in_own_thread(
                    lambda client: _probe(client, self._instance, folders, images)
                )
            return self._known


def _probe(
    client: APIClient, instance: str, folders: Sequence[Path], images: Sequence[str]
) -> bool | None:
    """What the first image that has a shell reads; None if none has."""
    nonce = secrets.token_hex(16)
    with ExitStack() as stack:
        try:
            places = [stack.enter_context(_nonce_in(folder, nonce)) for folder in folders]
        except OSError as error:
            _log.warning("engine not examined", error=f"{error.filename}: {error.strerror}")
            return None
        for image in images:
            found = _read(client, convert.probe_container(instance, image, places, nonce))
            if found is not None:
                return found
    return None


@contextmanager
def _nonce_in(folder: Path, nonce: str) -> Iterator[Path]:
    """A directory with the file `nonce`, which anybody may read who gets as far."""
    clear_probes(folder)
    made = Path(tempfile.mkdtemp(prefix=f"{PROBE_PREFIX}{os.getpid()}-", dir=folder))
    try:
        made.chmod(0o755)
        (made / "nonce").write_text(f"{nonce}\n")
        (made / "nonce").chmod(0o444)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def clear_probes(folder: Path) -> None:
    """Removes what processes left that were killed while they looked; this one looks once at a time."""
    for left in folder.glob(f"{PROBE_PREFIX}*"):
        pid = left.name.removeprefix(PROBE_PREFIX).partition("-")[0]
        if not pid.isdigit() or int(pid) == os.getpid() or not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # somebody else's
    return True


def _read(client: APIClient, config: dict[str, object]) -> bool | None:
    """None where this image cannot say: it is not there, or has no shell."""
    try:
        made = client.create_container_from_config(config)["Id"]  # type: ignore[no-untyped-call]
    except APIError as error:
        if error.status_code == HTTPStatus.NOT_FOUND:
            return None
        if words.is_unseen(str(error.explanation)):
            return False
        raise
    try:
        client.start(made)
        return convert.PROBE_ANSWERS.get(client.wait(made, timeout=_SECONDS)["StatusCode"])
    except APIError as error:
        if words.is_unseen(str(error.explanation)):
            return False
        if words.is_image_at_fault(str(error.explanation)):
            return None
        raise
    finally:
        with suppress(APIError):
            client.remove_container(made, force=True, v=True)


def _local_images(client: APIClient) -> list[str]:
    found = client.images()
    return [str(each["Id"]) for each in found if each.get("RepoTags")][:_CANDIDATES]
