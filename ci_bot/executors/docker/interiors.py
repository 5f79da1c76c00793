"""What is inside an image, seen through a container of it: a shell or none, and whom it runs as."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from http import HTTPStatus
from typing import Any

from docker import APIClient
from docker.errors import APIError

from ci_bot.executors.docker import users, words
from ci_bot.executors.docker.engine import CALL_SECONDS, Engine
from ci_bot.executors.docker.images import Image
from ci_bot.executors.docker.users import ROOT, Owner

_LARGEST_TABLE = 1 << 20


class Interiors:
    """Looks once per image: an image's id stands for its content."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owners: dict[str, Owner] = {}
        self._has_shell: dict[str, bool] = {}

    async def owner(self, container: str, image: Image, *, needs_shell: bool = True) -> Owner:
        """Whom the processes of this image belong to.

        Raises `StepRefused` if it has no shell but needs one, or names a user that it does not have.
        """
        if needs_shell and not await self.has_shell(container, image):
            raise words.no_shell(image.name)
        known = self._owners.get(image.id)
        if known is None:
            known = await self._engine.call(lambda client: _look(client, container, image))
            self._owners[image.id] = known
        return known

    async def has_shell(self, container: str, image: Image) -> bool:
        if image.id not in self._has_shell:
            found = await self._engine.call(lambda client: _stat(client, container, "/bin/sh"))
            self._has_shell[image.id] = found is not None
        return self._has_shell[image.id]


def _look(client: APIClient, container: str, image: Image) -> Owner:
    if users.is_plain_root(image.user):
        return ROOT
    passwd, group = (_read(client, container, path) for path in ("/etc/passwd", "/etc/group"))
    return users.owner(image.name, image.user, passwd, group)


def _stat(client: APIClient, container: str, path: str) -> dict[str, Any] | None:
    """The engine's own description of a file in a container, None if there is no such file.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerArchiveInfo
    """
    url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
    with client.head(url, params={"path": path}, timeout=CALL_SECONDS) as answer:
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not answer.ok:
            raise APIError(answer.reason, answer, f"{path} cannot be looked for: {answer.reason}")
        described = base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"])
    found: dict[str, Any] = json.loads(described)
    return found


def _read(client: APIClient, container: str, path: str) -> bytes:
    """A small plain file, behind one link at most; b"" for anything else."""
    found = _stat(client, container, path)
    if found is not None and found.get("linkTarget"):
        path = str(found["linkTarget"])
        found = _stat(client, container, path)
    if found is None or found["size"] > _LARGEST_TABLE:
        return b""
    chunks, _ = client.get_archive(container, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        first = archive.next()
        content = archive.extractfile(first) if first is not None and first.isreg() else None
        return content.read() if content is not None else b""
