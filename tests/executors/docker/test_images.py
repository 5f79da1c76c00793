"""Images from a private registry: each repository by its own credentials, whoever was there before."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError, StepRefused
from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.images import Credentials
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.conftest import REQUIRED
from tests.contract.executor import run, step
from tests.executors.docker import registry
from tests.executors.docker.registry import NoRegistry, Registry

pytestmark = pytest.mark.docker

LOGIN = Credentials("ci", "open sesame")


@dataclass(frozen=True, slots=True)
class Known:
    """Credentials by repository, for one registry."""

    host: str
    by_repo: Mapping[str, Credentials]

    def is_guarded(self, host: str) -> bool:
        return host == self.host and bool(self.by_repo)

    def credentials(self, repo: str, host: str) -> Credentials | None:
        return self.by_repo.get(repo) if host == self.host else None


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    try:
        registry.install()
    except NoRegistry as reason:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but {reason}", pytrace=False)
        pytest.skip(str(reason))
    root = tmp_path_factory.mktemp("registry")
    with registry.serving(root, LOGIN.username, LOGIN.password) as served:
        yield served


@pytest.fixture
def image(private: Registry, images: None, engine: APIClient, tmp_path: Path) -> Iterator[str]:
    """An image that is in the private registry alone."""
    repository = f"{private.host}/team/{tmp_path.name.replace('_', '-')}"
    login = {"username": LOGIN.username, "password": LOGIN.password}
    engine.tag(BUSYBOX, repository, "1")
    pushed = list(engine.push(repository, "1", auth_config=login, stream=True, decode=True))
    assert not [line for line in pushed if "error" in line]
    engine.remove_image(f"{repository}:1")
    yield f"{repository}:1"
    if engine.images(repository):
        engine.remove_image(f"{repository}:1", force=True)


@pytest.fixture
async def executor(private: Registry, instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    wrong = Credentials("ci", "guessed")
    known = Known(private.host, {"acme/web": LOGIN, "acme/api": LOGIN, "acme/wrong": wrong})
    made = DockerExecutor(instance=instance, run_dir=tmp_path / "run", registries=known)
    yield made
    await made.close()


async def use(executor: DockerExecutor, job: JobSpec, image: str) -> Exit:
    async with executor.session(job) as session:
        end, _ = await run(session, step("true", image))
    return end


async def test_a_private_image_is_pulled(executor: DockerExecutor, job: JobSpec, image: str) -> None:
    assert await use(executor, job, image) == Exit(0)


@pytest.mark.parametrize("stranger", ["mallory/web", "acme/wrong"])
async def test_it_is_not_pulled_for_others(
    stranger: str, executor: DockerExecutor, job: JobSpec, image: str, private: Registry
) -> None:
    with pytest.raises(StepRefused) as refused:
        await use(executor, replace(job, repo=stranger), image)
    assert str(refused.value).startswith(f'image "{image}" cannot be pulled: ')
    assert str(refused.value).endswith(f"check its name, or give ci-bot credentials for {private.host}")


@pytest.mark.parametrize("stranger", ["mallory/web", "acme/wrong"])
async def test_what_one_repository_pulled_is_not_there_for_another(
    stranger: str, executor: DockerExecutor, job: JobSpec, image: str
) -> None:
    assert await use(executor, job, image) == Exit(0)
    with pytest.raises(StepRefused, match="may not be used by this repository"):
        await use(executor, replace(job, id="stranger", repo=stranger), image)
    assert await use(executor, replace(job, id="friend", repo="acme/api"), image) == Exit(0)


async def test_nor_by_its_id(
    executor: DockerExecutor, job: JobSpec, image: str, engine: APIClient
) -> None:
    assert await use(executor, job, image) == Exit(0)
    digest = engine.inspect_image(image)["Id"]
    for name in (digest, digest.removeprefix("sha256:")[:12]):
        with pytest.raises((StepRefused, EngineError), match="pulled"):
            await use(executor, replace(job, id="stranger", repo="mallory/web"), name)


async def test_jobs_that_want_it_at_once_pull_it_once(
    executor: DockerExecutor, job: JobSpec, image: str, engine: APIClient
) -> None:
    begin = int(time.time())
    jobs = [replace(job, id=f"job{number}") for number in range(3)]
    assert await asyncio.gather(*(use(executor, each, image) for each in jobs)) == [Exit(0)] * 3
    filters = {"type": "image", "event": "pull", "image": image}
    pulls = engine.events(since=begin, until=int(time.time()) + 1, filters=filters, decode=True)
    assert len(list(pulls)) == 1


async def test_an_image_that_is_not_there(
    executor: DockerExecutor, job: JobSpec, private: Registry
) -> None:
    name = f"{private.host}/team/nothing:1"
    with pytest.raises(StepRefused) as refused:
        await use(executor, job, name)
    assert str(refused.value).startswith(f'image "{name}" cannot be pulled: ')
    assert "manifest unknown" in str(refused.value)


async def test_a_registry_that_does_not_answer(executor: DockerExecutor, job: JobSpec) -> None:
    with pytest.raises(EngineError, match=r"could not be pulled from 127\.0\.0\.1:1: .*refused"):
        await use(executor, job, "127.0.0.1:1/x")
