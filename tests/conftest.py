"""What every test may ask for, and the rule for tests that need a Docker engine."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from functools import cache
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import DockerException
from hypothesis import settings

from tests.canary import leaks
from tests.preloaded import begin_run, end_run
from tests.tempdir import WHERE, give_back, take_memory

if TYPE_CHECKING:
    from tests.postgres import Cluster

#: Python's own (700, 10, 10) took a twentieth of the tests' time: most of what they make is gone by itself.
COLLECT = (50_000, 20, 20)
gc.disable()  # until all is imported and collected, which frees next to nothing

settings.register_profile("here", deadline=None)  # a clock would judge how busy the machine is
settings.load_profile("here")

REQUIRED = "CI_BOT_REQUIRE_DOCKER"
LEAKS: pytest.StashKey[list[Path]] = pytest.StashKey()


@cache
def engine_problem() -> str:
    """Why there is no Docker engine here; "" if there is one."""
    try:
        _knock(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except (DockerException, OSError) as error:
        return f"no Docker engine answers: {error}"
    return ""


def _knock(host: str) -> None:
    """Where nobody listens at a local socket, the client would leave its own one open."""
    path = host.removeprefix("unix://")
    if path != host:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One for all tests of a worker; skips where there is none."""
    from tests.postgres import (  # pure tests need no database
        require_postgresql,
        running_cluster,
    )

    require_postgresql()
    with running_cluster() as cluster:
        yield cluster


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        begin_run()
        if (memory := take_memory()) is not None:
            os.environ[WHERE] = str(memory)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") is None or not engine_problem():
        return
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but {engine_problem()}", pytrace=False)
    pytest.skip(engine_problem())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no worker is left alone with one at the end; short ones fill the gaps.

    Long are those that wait for engines and processes; the others that are long say so by their timeout.
    After each comes a short one, which has something to do while other workers wait.
    """
    files = [list(of_file) for _, of_file in groupby(items, key=lambda item: item.path)]
    long = [of_file for of_file in files if any(map(_is_long, of_file))]
    short = [of_file for of_file in files if not any(map(_is_long, of_file))]
    items[:] = (item for two in zip_longest(long, short, fillvalue=()) for one in two for item in one)


def pytest_collection_finish() -> None:
    """What was imported stays, so the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    gc.enable()


def _is_long(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) is not None for name in ("docker", "timeout"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The canary search: once, when all workers have ended, over everything that they left behind."""
    if hasattr(session.config, "workerinput"):
        return
    end_run()
    factory = getattr(session.config, "_tmp_path_factory", None)
    found = leaks(factory.getbasetemp()) if factory is not None else []
    session.config.stash[LEAKS] = found
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif factory is not None and session.exitstatus == pytest.ExitCode.OK:
        give_back(factory.getbasetemp())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = terminalreporter.config.stash.get(LEAKS, [])
    for path in found:
        terminalreporter.write_line(f"LEAK: {path} holds the canary of the suite")
