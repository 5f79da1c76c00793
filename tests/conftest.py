"""What every test may ask for, and the rule for tests that need a Docker engine."""

from __future__ import annotations

import os
from functools import cache

import docker
import pytest
from docker.errors import DockerException

REQUIRED = "CI_BOT_REQUIRE_DOCKER"


@cache
def engine_problem() -> str:
    """Why there is no Docker engine here; "" if there is one."""
    try:
        client = docker.from_env(timeout=5)
        client.ping()
        client.close()
    except DockerException as error:
        return f"no Docker engine answers: {error}"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") is None or not engine_problem():
        return
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but {engine_problem()}", pytrace=False)
    pytest.skip(engine_problem())
