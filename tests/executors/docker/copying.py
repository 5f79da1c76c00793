"""Fixtures for an executor whose engine cannot see the server's files, and what is left on that engine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.executors.docker import names
from ci_bot.executors.docker.executor import DockerExecutor
from dev.images import ensure_images
from dev.recipes import BUSYBOX, GIT, GIT_1000, NO_SHELL
from tests.conftest import REQUIRED
from tests.engines import NoSecondEngine, blind_engine
from tests.executors.docker.conftest import LIMITS, kept_network, sweep


@pytest.fixture(scope="session")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a second, real engine, for which the tests' directories are empty."""
    try:
        with blind_engine(tmp_path_factory.getbasetemp()) as url, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", url)
            ensure_images((BUSYBOX, GIT, GIT_1000, NO_SHELL))
            patch.undo()
            yield url
    except NoSecondEngine as error:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but there is no second engine: {error}", pytrace=False)
        pytest.skip(f"no second engine: {error}")


@pytest.fixture
def far_engine(blind: str) -> Iterator[APIClient]:
    client = APIClient(base_url=blind)
    yield client
    client.close()


@pytest.fixture(scope="session")
def kept_far_instance(blind: str) -> Iterator[str]:
    client = APIClient(base_url=blind)
    with kept_network(client) as instance:
        yield instance
    client.close()


@pytest.fixture
def far_instance(far_engine: APIClient, kept_far_instance: str) -> Iterator[str]:
    yield kept_far_instance
    sweep(far_engine, kept_far_instance, but=names.network_name(kept_far_instance))


@pytest.fixture
async def far(blind: str, far_instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    made = DockerExecutor(
        instance=far_instance, run_dir=tmp_path / "run", limits=LIMITS, base_url=blind
    )
    (tmp_path / "run").mkdir()
    yield made
    await made.close()
