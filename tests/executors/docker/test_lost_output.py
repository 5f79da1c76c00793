"""What an engine loses of a step that ends at once: waited for where possible, and told where not.

Docker 26.1 closed a container's output before it had opened it, once in some 1,500 on an overloaded machine.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ci_bot.core.model import Exit
from ci_bot.executors.docker import words
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.files import BoundFiles
from ci_bot.executors.docker.streams import Attached, Logged
from ci_bot.ports import JobSpec
from dev.recipes import BUSYBOX
from tests.contract.executor import MemoryLog, step

ENDS_AT_ONCE = "echo not today; exit 3"


def nothing(_: Attached | Logged) -> Iterator[bytes]:
    return iter(())


@pytest.mark.docker
async def test_what_the_engine_has_nowhere_is_told_in_the_log(
    executor: DockerExecutor, job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Attached, "chunks", nothing)
    monkeypatch.setattr(Logged, "chunks", nothing)
    log = MemoryLog()
    async with executor.session(job) as session:
        assert (await session.run(step(ENDS_AT_ONCE, BUSYBOX), log)).code == 3
    assert (bytes(log.content), log.notes) == (b"", [words.OUTPUT_LOST])


@pytest.mark.docker
async def test_what_it_has_in_its_log_alone_is_read_there(
    executor: DockerExecutor, job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Attached, "chunks", nothing)
    log = MemoryLog()
    async with executor.session(job) as session:
        assert (await session.run(step(ENDS_AT_ONCE, BUSYBOX), log)).code == 3
    assert (bytes(log.content), log.notes) == (b"not today\n", [])


@pytest.mark.docker
async def test_a_step_that_has_nothing_to_say_has_lost_nothing(
    executor: DockerExecutor, job: JobSpec
) -> None:
    log = MemoryLog()
    async with executor.session(job) as session:
        assert await session.run(step("true", BUSYBOX), log) == Exit(0)
    assert (bytes(log.content), log.notes) == (b"", [])


@pytest.mark.docker
async def test_the_step_ends_although_nobody_hears_it(
    executor: DockerExecutor, job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundFiles, "hear", lambda *_: None)
    log = MemoryLog()
    async with executor.session(job) as session:
        assert (await session.run(step(ENDS_AT_ONCE, BUSYBOX), log)).code == 3
    assert bytes(log.content) == b"not today\n"
