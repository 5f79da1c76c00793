"""A real engine, images, and executors of a test's own instance whose leftovers go at the end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from docker import APIClient

from ci_bot.core.planned import Job
from ci_bot.executors.docker import convert, names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.limits import Limits
from ci_bot.ports import JobSpec, Workspace
from dev.images import ensure_images
from dev.recipes import BASE, BUSYBOX, GIT, GIT_1000, GIT_RANDOM, NO_SHELL

LIMITS = Limits(memory=64 << 20, cpus=1.5, pids=100)


@pytest.fixture(scope="session")
def engine() -> Iterator[APIClient]:
    client = docker.from_env().api
    yield client
    client.close()


@pytest.fixture(scope="session")
def images() -> None:
    ensure_images((BASE, BUSYBOX, GIT, GIT_1000, GIT_RANDOM, NO_SHELL))


@contextmanager
def kept_network(engine: APIClient) -> Iterator[str]:
    """An instance whose network stays: for one that comes and goes, the engine runs iptables 45 times."""
    instance = f"test-{uuid.uuid4().hex[:8]}"
    made = engine.create_network(**convert.network(instance))["Id"]
    config = engine.create_host_config(network_mode=made)
    keeper = engine.create_container(BUSYBOX, ["sleep", "86400"], host_config=config)["Id"]
    try:
        engine.start(keeper)
        yield instance
    finally:
        engine.remove_container(keeper, force=True)
        sweep(engine, instance)


def sweep(engine: APIClient, instance: str, *, but: str = "") -> None:
    """Removes what a test left, but for this network."""
    mine = f"{names.INSTANCE}={instance}"
    for left in containers(engine, instance):
        engine.remove_container(left, force=True, v=True)
    for volume in volumes(engine, instance):
        engine.remove_volume(volume)
    for network in engine.networks(filters={"label": [mine]}):
        if network["Name"] != but:
            engine.remove_network(network["Id"])


def containers(engine: APIClient, instance: str) -> list[Any]:
    found: list[Any] = engine.containers(all=True, filters={"label": f"{names.INSTANCE}={instance}"})
    return found


def volumes(engine: APIClient, instance: str) -> list[str]:
    found = engine.volumes(filters={"label": f"{names.INSTANCE}={instance}"})["Volumes"]
    return sorted(each["Name"] for each in found or ())


@pytest.fixture(scope="session")
def kept_instance(engine: APIClient, images: None) -> Iterator[str]:
    with kept_network(engine) as instance:
        yield instance


@pytest.fixture
def instance(engine: APIClient, kept_instance: str) -> Iterator[str]:
    yield kept_instance
    sweep(engine, kept_instance, but=names.network_name(kept_instance))


@pytest.fixture
async def executor(instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    made = DockerExecutor(instance=instance, run_dir=tmp_path / "run", limits=LIMITS)
    yield made
    await made.close()


@pytest.fixture
def own_instance(engine: APIClient) -> Iterator[str]:
    """For tests of the network itself."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    sweep(engine, name)


@pytest.fixture
async def own_executor(
    images: None, own_instance: str, tmp_path: Path
) -> AsyncIterator[DockerExecutor]:
    made = DockerExecutor(instance=own_instance, run_dir=tmp_path / "run", limits=LIMITS)
    yield made
    await made.close()


@pytest.fixture
def job(tmp_path: Path) -> JobSpec:
    work = tmp_path / "work"
    work.mkdir()
    return JobSpec(
        uuid.uuid4().hex[:12], "run1", "acme/web", Job("build", "build", ()), Workspace(work, None)
    )
