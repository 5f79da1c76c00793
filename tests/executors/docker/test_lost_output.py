"""What an engine loses of a step that ends at once: waited for where possible, and told where not.

Docker 26.1 closed a container's output before it had opened it, once in some 1,500 on an overloaded machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_bot.core.model import Exit
from ci_bot.executors.docker import script, words
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.files import BoundFiles
from ci_bot.executors.docker.streams import Attached, Logged
from ci_bot.ports import JobSpec, StepSpec
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
    def deaf(_: BoundFiles, __: StepSpec) -> None:
        pass

    monkeypatch.setattr(BoundFiles, "hear", deaf)
    log = MemoryLog()
    async with executor.session(job) as session:
        assert (await session.run(step(ENDS_AT_ONCE, BUSYBOX), log)).code == 3
    assert bytes(log.content) == b"not today\n"


SLEEP = """\
#!/bin/sh
echo slept >>{here}/slept
[ "$(wc -l <{here}/slept)" -lt 3 ] || echo >{here}/heard
"""


@pytest.mark.parametrize(
    ("sleep", "heard", "slept"),
    [(SLEEP, False, 3), (SLEEP, True, 0), ("#!/bin/sh\nexit 1\n", False, 0), ("", False, 0)],
    ids=["until it is heard", "heard already", "no fractions", "no sleep"],
)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_shell_waits_and_keeps_the_exit_code(
    tmp_path: Path, shell: str, sleep: str, heard: bool, slept: int
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    if sleep:
        (tools / "sleep").write_text(sleep.format(here=tmp_path))
        (tools / "sleep").chmod(0o755)
    if heard:
        (tmp_path / "heard").touch()
    whole = script.begin(step("x", BUSYBOX)).decode()
    end = whole[whole.index(f"[ -e {script.HEARD_INSIDE}") :]
    done = subprocess.run(
        [f"/bin/{shell}", "-c", "code=3\n" + end.replace(script.HEARD_INSIDE, str(tmp_path / "heard"))],
        env={"PATH": f"{tools}:{os.environ['PATH']}" if sleep == SLEEP else str(tools)},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 3
    record = tmp_path / "slept"
    assert (len(record.read_text().splitlines()) if record.exists() else 0) == slept
