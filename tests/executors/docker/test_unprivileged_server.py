"""A server that is not root, but may use the engine, keeps the same promises about the workspace."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.core.globs import Globs
from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, Workspace
from dev.recipes import BUSYBOX, GIT, GIT_1000, GIT_RANDOM
from tests.contract.executor import MemorySink, run, step
from tests.executors.docker.variants import variant

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
]

SERVER = 2_000
SOCKET = Path("/var/run/docker.sock")


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the server's user, who is nobody else from here on."""
    made = Path(tempfile.mkdtemp(prefix="ci-bot-test-"))
    os.chown(made, SERVER, SERVER)
    groups = os.getgroups()
    os.setgroups([SOCKET.stat().st_gid])
    os.setegid(SERVER)
    os.seteuid(SERVER)
    try:
        yield made
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        shutil.rmtree(made)


@pytest.fixture
async def server(
    images: None, instance: str, job: JobSpec, home: Path
) -> AsyncIterator[tuple[DockerExecutor, JobSpec]]:
    work = home / "work"
    work.mkdir()
    (work / "private").write_text("for its owner\n")
    (work / "private").chmod(0o600)
    executor = DockerExecutor(instance=instance, run_dir=home / "run")
    yield executor, replace(job, workspace=Workspace(work, None))
    await executor.close()


async def test_every_user_writes_and_the_server_removes_it_all(
    server: tuple[DockerExecutor, JobSpec],
) -> None:
    executor, job = server
    async with executor.session(job) as session:
        for index, image in enumerate((GIT_1000, GIT, GIT_RANDOM, BUSYBOX)):
            script = "cat private; mkdir -p made-$(id -u); echo x > made-$(id -u)/file"
            assert await run(session, step(script, image, index=index)) == (Exit(0), b"for its owner\n")
        assert os.lstat(job.workspace.path).st_uid == 0
    assert os.lstat(job.workspace.path / "made-48213").st_uid == SERVER
    shutil.rmtree(job.workspace.path)


@pytest.fixture
def without_chown(images: None, engine: APIClient) -> Iterator[str]:
    with variant(engine, BUSYBOX, "ci-bot-test/no-chown:1", "rm /bin/chown", "USER 0") as name:
        yield name


async def test_an_image_that_cannot_change_owners(
    without_chown: str, server: tuple[DockerExecutor, JobSpec]
) -> None:
    executor, job = server
    with pytest.raises(EngineError, match=r"the workspace could not be given to user 0:0: .*chown"):
        async with executor.session(job) as session:
            await run(session, step("echo x > marker", without_chown))
    assert not (job.workspace.path / "marker").exists()


async def test_what_an_images_user_keeps_to_itself_is_fetched(
    server: tuple[DockerExecutor, JobSpec],
) -> None:
    executor, job = server
    script = "mkdir -m 700 out && echo kept > out/a && chmod 600 out/a"
    sink = MemorySink()
    async with executor.session(job) as session:
        assert (await run(session, step(script, GIT_1000)))[0] == Exit(0)
        await session.fetch(Globs.of(["out"]), sink)
    assert sink.files == {"out/a": (b"kept\n", False)}
