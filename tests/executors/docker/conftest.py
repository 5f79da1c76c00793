"""A real engine, images, and executors of a test's own instance whose leftovers go at the end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import docker
import pytest
from docker import APIClient

from ci_bot.core.planned import Job
from ci_bot.executors.docker import names
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


@pytest.fixture
def instance(engine: APIClient) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    for left in engine.containers(all=True, filters={"label": f"{names.INSTANCE}={name}"}):
        engine.remove_container(left, force=True, v=True)
    for network in engine.networks(filters={"label": [f"{names.INSTANCE}={name}"]}):
        engine.remove_network(network["Id"])


@pytest.fixture
async def executor(images: None, instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    made = DockerExecutor(instance=instance, run_dir=tmp_path / "run", limits=LIMITS)
    yield made
    await made.close()


@pytest.fixture
def job(tmp_path: Path) -> JobSpec:
    work = tmp_path / "work"
    work.mkdir()
    return JobSpec(
        uuid.uuid4().hex[:12], "run1", "acme/web", Job("build", "build", ()), Workspace(work, None)
    )
