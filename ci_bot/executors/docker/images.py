"""Images for steps: a repository and an image's name in, a local image that it may use out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from docker import APIClient

from ci_bot.executors.docker import reference, words
from ci_bot.executors.docker.engine import Engine, EngineRefusal
from ci_bot.executors.docker.reference import DOCKER_HUB, Reference


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login to one registry."""

    username: str
    password: str


class Registries(Protocol):
    """The operator's registry credentials. A host is "docker.io", "ghcr.io" or "localhost:5000"."""

    def is_guarded(self, host: str) -> bool:
        """True if any repository has credentials there: then each has to prove its own access."""
        ...

    def credentials(self, repo: str, host: str) -> Credentials | None: ...


class NoRegistries:
    """No credentials at all: whatever is on the engine is there for everybody."""

    def is_guarded(self, host: str) -> bool:
        return False

    def credentials(self, repo: str, host: str) -> Credentials | None:
        return None


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine. `name` is what the author wrote, `user` what the image runs as."""

    name: str
    id: str
    user: str
    entrypoint: tuple[str, ...] = ()


class Images:
    """Brings images. An image that several jobs want at once is pulled once."""

    def __init__(self, engine: Engine, registries: Registries, pulls: int) -> None:
        self._engine = engine
        self._registries = registries
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pool = ThreadPoolExecutor(pulls, thread_name_prefix="docker-pull")

    async def bring(self, repo: str, name: str) -> Image:
        """The image, pulled if it is not there. Raises `StepRefused` or `EngineError`."""
        wanted = reference.parse(name)
        async with self._turns[str(wanted)]:
            here = await self._local(name, wanted)
            if here is None:
                return await self._pulled(repo, name, wanted)
            if self._registries.is_guarded(wanted.host):
                await self._prove_access(repo, name, wanted)
            return here

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _local(self, name: str, wanted: Reference) -> Image | None:
        try:
            found = await self._engine.call(
                lambda client: client.inspect_image(str(wanted))  # type: ignore[no-untyped-call]
            )
        except EngineRefusal as refusal:
            if refusal.is_missing:
                return None
            raise
        return image_of(name, found["Id"], found.get("Config") or {})

    async def _pulled(self, repo: str, name: str, wanted: Reference) -> Image:
        login = self._login(repo, wanted.host)
        try:
            failure = await self._engine.call(lambda client: _pull(client, wanted, login), self._pool)
        except EngineRefusal as refusal:
            failure = refusal.text
        if failure:
            raise words.pull_failure(name, wanted.host, failure)
        here = await self._local(name, wanted)
        if here is None:
            raise words.pull_failure(name, wanted.host, "the engine pulled it and does not have it")
        return here

    async def _prove_access(self, repo: str, name: str, wanted: Reference) -> None:
        """Asks the registry with this repository's own credentials, whoever pulled the local copy."""
        login = self._login(repo, wanted.host)
        try:
            await self._engine.call(
                lambda client: client.inspect_distribution(  # type: ignore[no-untyped-call]
                    str(wanted), auth_config=login
                ),
                self._pool,
            )
        except EngineRefusal as refusal:
            raise words.not_allowed(name, wanted.host, refusal.text) from refusal

    def _login(self, repo: str, host: str) -> dict[str, str]:
        """Never None: for that the client would take what it finds in the server's own home directory."""
        own = self._registries.credentials(repo, host)
        server = "https://index.docker.io/v1/" if host == DOCKER_HUB else host
        return (
            {"username": own.username, "password": own.password, "serveraddress": server} if own else {}
        )


def image_of(name: str, id: str, config: dict[str, Any]) -> Image:
    """From the engine's description of an image."""
    return Image(name, id, config.get("User") or "", tuple(config.get("Entrypoint") or ()))


def _pull(client: APIClient, wanted: Reference, login: dict[str, str]) -> str:
    """Pulls to the end; returns the registry's complaint, "" if all is well."""
    progress: Iterator[dict[str, Any]] = client.pull(
        str(wanted), auth_config=login, stream=True, decode=True
    )
    with closing(progress):  # type: ignore[type-var]
        return next((str(line["error"]) for line in progress if "error" in line), "")
