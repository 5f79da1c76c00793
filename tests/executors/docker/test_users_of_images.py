"""Whatever user an image has, it writes to the workspace and works with git there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import StepRefused
from ci_bot.core.model import Exit
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, Workspace
from dev.recipes import GIT, GIT_1000, GIT_RANDOM
from tests.contract.executor import run, step
from tests.executors.docker.variants import variant

pytestmark = pytest.mark.docker

COMMIT = """
git config --get user.name || true
git status --porcelain -uno
echo "$1" >> hello.txt
mkdir -p made && touch made/by-$(id -u)
git -c user.name=ci -c user.email=ci@example.org commit -qam "by $(id -u)"
git log --format=%s
echo home > "$HOME/.probe"
"""


@pytest.fixture
def checkout(job: JobSpec) -> JobSpec:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=job.workspace.path, check=True)

    git("init", "-q")
    (job.workspace.path / "hello.txt").write_text("hello\n")
    (job.workspace.path / "private").write_text("for its owner\n")
    (job.workspace.path / "private").chmod(0o600)
    git("add", ".")
    git("commit", "-qm", "first")
    return job


@pytest.mark.parametrize(
    ("image", "owner"), [(GIT, (0, 0)), (GIT_1000, (1000, 1000)), (GIT_RANDOM, (48213, 0))]
)
async def test_one_user(
    image: str, owner: tuple[int, int], executor: DockerExecutor, checkout: JobSpec
) -> None:
    async with executor.session(checkout) as session:
        end, output = await run(session, step(COMMIT + "cat private; id -u; id -g", image))
    log = output.decode()
    assert end == Exit(0), log
    assert log == f"by {owner[0]}\nfirst\nfor its owner\n{owner[0]}\n{owner[1]}\n"


async def test_one_user_after_the_other(executor: DockerExecutor, checkout: JobSpec) -> None:
    async with executor.session(checkout) as session:
        for index, image in enumerate((GIT, GIT_1000, GIT, GIT_RANDOM, GIT_1000)):
            end, output = await run(session, step(COMMIT, image, index=index))
            assert end == Exit(0), output.decode()
    assert output.decode().split("\n") == [
        *("by 1000", "by 48213", "by 0", "by 1000", "by 0", "first", "")
    ]


async def test_no_link_leads_out_of_the_workspace(
    executor: DockerExecutor, checkout: JobSpec, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    script = f"""
ln -s {outside} dir; ln -s {outside}/file file; ln -s /etc/passwd passwd; mkfifo fifo
dive() {{ for n in $(seq 1 300); do mkdir dddddddddd; cd dddddddddd; done; }}
mkdir first second; (cd first; dive; touch end); (cd second; dive; mv /workspace/first .)
"""
    async with executor.session(checkout) as session:
        assert await run(session, step(script, GIT)) == (Exit(0), b"")
        end, _ = await run(
            session, step('test "$(stat -c %u fifo)" = 1000; rm -r second', GIT_1000, index=1)
        )
    assert end == Exit(0)
    owners = [os.lstat(path).st_uid for path in (outside, outside / "file", Path("/etc/passwd"))]
    assert owners == [0, 0, 0]


async def test_borrowed_objects_are_readable_and_read_only(
    executor: DockerExecutor, checkout: JobSpec, tmp_path: Path
) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    (objects / "pack").write_text("a pack\n")
    work = Workspace(checkout.workspace.path, objects)
    job = JobSpec(checkout.id, checkout.run_id, checkout.repo, checkout.job, work)
    script = "cat /ci-bot/objects/pack; ! touch /ci-bot/objects/new 2>/dev/null; ! touch /ci-bot/control/x 2>/dev/null"
    async with executor.session(job) as session:
        for index, image in enumerate((GIT, GIT_1000)):
            assert await run(session, step(script, image, index=index)) == (Exit(0), b"a pack\n")


@pytest.fixture
def named_user(images: None, engine: APIClient) -> Iterator[str]:
    """An image whose USER is a name that only its own passwd file knows."""
    add_user = "echo app:x:1234:2345::/home/app:/bin/sh >> /etc/passwd"
    with variant(engine, GIT, "ci-bot-test/named:1", add_user, "USER app") as name:
        yield name


@pytest.fixture
def nobody(images: None, engine: APIClient) -> Iterator[str]:
    with variant(engine, GIT, "ci-bot-test/nobody:1", "true", "USER somebody-else") as name:
        yield name


async def test_a_user_by_name(executor: DockerExecutor, checkout: JobSpec, named_user: str) -> None:
    async with executor.session(checkout) as session:
        end, output = await run(session, step(COMMIT + "id -u; id -g; echo $HOME", named_user))
    assert (end, output.decode()) == (Exit(0), "by 1234\nfirst\n1234\n2345\n/tmp\n")


async def test_a_user_whom_the_image_does_not_have(
    executor: DockerExecutor, checkout: JobSpec, nobody: str
) -> None:
    async with executor.session(checkout) as session:
        with pytest.raises(StepRefused, match='runs as user "somebody-else", whom its /etc/passwd'):
            await run(session, step("true", nobody))
