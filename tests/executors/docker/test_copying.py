"""On an engine that cannot see the server's files, steps have them all the same, and leave no trace of any.

The contract is run on such an engine by `tests/deploy/test_socket_proxy.py`, behind the proxy of compose.yaml.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError
from ci_bot.core.model import Exit
from ci_bot.executors.docker import names, network, script
from ci_bot.executors.docker.copied import CopiedFiles
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.ports import JobSpec, Workspace
from dev.recipes import BUSYBOX, GIT, GIT_1000
from tests.contract.executor import (
    LINES,
    MemoryLog,
    marks,
    only,
    run,
    sharing,
    step,
)
from tests.executors.docker.conftest import containers, volumes
from tests.executors.docker.copying import blind, far, far_engine, far_instance, kept_far_instance
from tests.executors.docker.sharing import KILLS, runs_once
from tests.executors.docker.sharing import killed_server as killed_sharing

__all__ = ["blind", "far", "far_engine", "far_instance", "kept_far_instance"]

pytestmark = pytest.mark.docker

SECRET = "hunter2-of-the-test"
WAITING = """
echo x >> marker
echo began
while ! test -e go-on; do sleep 0.05; done
seq 1 20000
test "$TOKEN" = hunter2"-"of-the-test || exit 1
exit 9
"""


async def test_the_engine_is_found_blind_and_the_line_for_doctor_says_so(
    far: DockerExecutor, executor: DockerExecutor, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir(exist_ok=True)
    for each, words in (
        (far, "it does not see the server's files, so they are copied"),
        (executor, "it sees the server's files"),
    ):
        assert "the first job will show" in await each.check()
        await each.look()
        assert words in await each.check()
    assert list((tmp_path / "run").iterdir()) == []


async def test_reaping_at_the_start_finds_it_out(far: DockerExecutor) -> None:
    assert await far.reap(only()) == 0
    assert "does not see" in await far.check()


async def test_the_workspace_is_the_images_users_and_git_works_in_it(
    far: DockerExecutor, job: JobSpec, tmp_path: Path
) -> None:
    borrowing = replace(job, workspace=checkout(tmp_path))
    script = (
        "id -u; stat -c '%u %a' . file run.sh .git/HEAD | sort -u; readlink link; test -w file\n"
        "git status --short; git log --format=%s; git fsck --full 2>&1; touch made-by-$(id -u)\n"
        "git -c user.name=a -c user.email=a@b commit -qam 'in the step' --allow-empty"
    )
    async with far.session(borrowing) as session:
        end, output = await run(session, step(script, GIT_1000))
        assert (end, output.decode().splitlines()) == (
            Exit(0),
            ["1000", "1000 666", "1000 777", "file", "second", "first"],
        )
        end, output = await run(session, step(script + "; ls", GIT, index=1))
    assert end == Exit(0)
    assert output.decode().splitlines()[:3] == ["0", "0 666", "0 777"]
    assert b"made-by-1000" in output


def checkout(tmp_path: Path) -> Workspace:
    """A commit, checked out, whose `.git` borrows all of its history from a mirror."""
    mirror, work = tmp_path / "mirror", tmp_path / "checkout"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(work)]
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    for message in ("first", "second"):
        (work / "file").write_text(message)
        (work / "run.sh").write_text("#!/bin/sh\n")
        (work / "run.sh").chmod(0o755)
        if message == "first":
            (work / "link").symlink_to("file")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", message], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(mirror)], check=True)
    subprocess.run(["git", "-C", str(mirror), "repack", "-qad"], check=True)
    shutil.rmtree(work / ".git/hooks", ignore_errors=True)
    shutil.rmtree(work / ".git/objects")
    for name in ("info", "pack"):
        (work / ".git/objects" / name).mkdir(parents=True)
    (work / ".git/objects/info/alternates").write_text("/ci-bot/objects\n")
    subprocess.run(["chmod", "-R", "u=rwX,go=rwX", str(work)], check=True)
    (work / "run.sh").chmod(0o777)
    return Workspace(work, mirror / "objects")


async def test_a_secret_is_on_the_engine_in_no_form_once_the_step_began(
    far: DockerExecutor, job: JobSpec, far_engine: APIClient, blind: str, tmp_path: Path
) -> None:
    """Searched for: what the engine tells, its log, and every file that it keeps, of volumes too."""
    spec = step('test "$TOKEN" = hunter2"-"of-the-test; echo began; sleep 600', BUSYBOX)
    spec, log = replace(spec, secrets={"TOKEN": SECRET}), MemoryLog()
    async with far.session(job) as session:
        running = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        name = names.container_name(job, spec)
        assert SECRET not in json.dumps(far_engine.inspect_container(name))
        assert SECRET not in json.dumps(far_engine.top(name, ps_args="axww -o pid,args"))
        assert SECRET.encode() not in far_engine.logs(name)
        home = Path(blind.removeprefix("unix://")).parent
        assert holding(SECRET, home / "data" / "volumes", home / "data" / "containers") == []
        assert holding(SECRET, home / "data" / "overlay2", home / "exec", tmp_path / "run") == []
        assert holding("sleep 600", home / "data") != []  # the search finds what is there
        await session.stop()
        await running


def holding(text: str, *folders: Path) -> list[str]:
    found = subprocess.run(
        [
            "grep",
            "--recursive",
            "--files-with-matches",
            "--devices=skip",
            "--fixed-strings",
            text,
            *folders,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.splitlines()


async def test_nothing_remains_after_the_job(
    far: DockerExecutor, job: JobSpec, far_engine: APIClient, far_instance: str, tmp_path: Path
) -> None:
    borrowing = replace(job, workspace=checkout(tmp_path))
    async with far.session(borrowing) as session:
        await run(session, step("echo x > made", GIT_1000))
        assert volumes(far_engine, far_instance) == [
            f"ci-bot-{job.id}-objects",
            f"ci-bot-{job.id}-workspace",
        ]
    assert volumes(far_engine, far_instance) == []
    assert containers(far_engine, far_instance) == []
    assert far_engine.volumes()["Volumes"] in (None, [])
    assert list((tmp_path / "run").iterdir()) == []


async def test_volumes_of_the_dead_are_reaped_and_those_of_the_living_spared(
    far: DockerExecutor, job: JobSpec, far_engine: APIClient, far_instance: str
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with far.session(job) as session:
            await run(session, step("true", BUSYBOX))
            raise ZeroDivisionError
    assert await far.reap(only(job.id)) == 0
    assert await far.reap(only()) == 3  # the container, the volume and the control directory
    assert volumes(far_engine, far_instance) == []


async def killed_server(job: JobSpec, instance: str, base_url: str, tmp_path: Path) -> None:
    """Starts the waiting step in a server process and kills that with SIGKILL."""
    facts = {
        "instance": instance,
        "base_url": base_url,
        "run_dir": str(tmp_path / "run"),
        "workspace": str(job.workspace.path),
        "job": job.id,
        "run": WAITING,
        "image": BUSYBOX,
        "env": json.dumps({"TOKEN": SECRET}),
    }
    command = (sys.executable, "-m", "tests.executors.docker.server", json.dumps(facts))
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    assert (await server.stdout.readline()).decode() == "began\n"
    server.kill()
    await server.wait()


def let_go_on(engine: APIClient, job: JobSpec) -> None:
    name = names.container_name(job, step(WAITING, BUSYBOX))
    engine.exec_start(engine.exec_create(name, ["touch", "/workspace/go-on"])["Id"])


async def test_after_kill_9_a_running_step_is_adopted(
    far: DockerExecutor,
    job: JobSpec,
    far_engine: APIClient,
    far_instance: str,
    blind: str,
    tmp_path: Path,
) -> None:
    await killed_server(job, far_instance, blind, tmp_path)
    spec, log = step(WAITING, BUSYBOX), MemoryLog()
    async with far.session(job) as session:
        assert await session.has_begun(spec)
        adopted = asyncio.create_task(session.run(spec, log))
        await log.shows(b"began\n")
        let_go_on(far_engine, job)
        assert await adopted == Exit(9)
        assert bytes(log.content) == b"began\n" + LINES
        assert await marks(session, BUSYBOX) == b"x\n"  # the next step is in the same workspace
    assert volumes(far_engine, far_instance) == []


async def test_after_kill_9_a_step_that_ended_meanwhile_is_adopted(
    far: DockerExecutor,
    job: JobSpec,
    far_engine: APIClient,
    far_instance: str,
    blind: str,
    tmp_path: Path,
) -> None:
    await killed_server(job, far_instance, blind, tmp_path)
    let_go_on(far_engine, job)
    spec = step(WAITING, BUSYBOX)
    await asyncio.to_thread(far_engine.wait, names.container_name(job, spec))
    async with far.session(job) as session:
        assert await run(session, spec) == (Exit(9), b"began\n" + LINES)
        assert await marks(session, BUSYBOX) == b"x\n"


async def test_started_but_never_told_what_to_do_it_is_started_anew(
    far: DockerExecutor, job: JobSpec, far_engine: APIClient, far_instance: str, tmp_path: Path
) -> None:
    """As after a kill between the start and the environment."""
    spec = replace(step('echo "$TOKEN" >> marker', BUSYBOX), secrets={"TOKEN": SECRET})
    name = names.container_name(job, spec)
    with pytest.raises(ZeroDivisionError):
        async with far.session(job) as session:
            await session.prepare(spec)
            files = session._containers.files()
            image = (await session._containers.ready(spec)).image
            await files.give(spec, name, image, await session._host.interiors.owner(name, image))
            await network.ensure(session._host.engine, session._host.instance)
            stream = far_engine.attach_socket(name, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            await files.release(spec, ())
            far_engine.start(name)
            stream._sock.sendall(b"9\nexport TOKEN=")
            getattr(stream, "_response", stream).close()
            raise ZeroDivisionError
    assert (await asyncio.to_thread(far_engine.wait, name))["StatusCode"] == script.NOT_BEGUN_CODE
    async with far.session(job) as session:
        assert not await session.has_begun(spec)  # so its secrets are opened for it again
        assert await run(session, spec) == (Exit(0), b"")
        assert await marks(session, BUSYBOX) == f"{SECRET}\n".encode()


async def test_a_job_keeps_to_its_way_whatever_the_next_process_finds(
    far: DockerExecutor, job: JobSpec, far_engine: APIClient, blind: str, tmp_path: Path
) -> None:
    """Its workspace, with what its steps made, is where the first one had it."""
    with pytest.raises(ZeroDivisionError):
        async with far.session(job) as session:
            await run(session, step("echo x > marker", BUSYBOX))
            raise ZeroDivisionError
    sighted = DockerExecutor(instance=far._host.instance, run_dir=tmp_path / "run", base_url=blind)
    sighted._host.sight._known = True
    async with sighted.session(job) as session:
        assert await marks(session, BUSYBOX) == b"x\n"
    await sighted.close()


async def test_what_cannot_be_read_is_named(far: DockerExecutor, job: JobSpec) -> None:
    gone = replace(job, workspace=Workspace(job.workspace.path / "gone", None))
    async with far.session(gone) as session:
        with pytest.raises((EngineError, FileNotFoundError), match="gone"):
            await run(session, step("true", BUSYBOX))


async def test_a_hostile_tree_arrives_as_it_is(far: DockerExecutor, job: JobSpec) -> None:
    top = job.workspace.path
    deep = top / "/".join(["d" * 50] * 40)
    deep.mkdir(parents=True)
    (deep / ("n" * 200)).write_text("deep\n")
    (top / os.fsdecode(b"not utf-8 \xff\n")).write_text("odd\n")
    (top / "out").symlink_to("/etc/passwd")
    (top / "empty").touch()
    (top / "big").write_bytes(bytes(3 << 20))
    script = f"cat */{'/'.join(['d*'] * 39)}/n*; cat not*; readlink out; test -e empty; wc -c <big; ls | wc -l"
    async with far.session(job) as session:
        end, output = await run(session, step(script, BUSYBOX))
    assert (end, output) == (Exit(0), b"deep\nodd\n/etc/passwd\n3145728\n5\n")


@pytest.mark.parametrize("told", KILLS)
async def test_wherever_the_server_is_killed_a_step_in_a_shared_container_runs_once_with_its_secrets(
    far: DockerExecutor, job: JobSpec, told: float
) -> None:
    await runs_once(far, job, told)


async def test_after_kill_9_a_shared_container_is_adopted(
    far: DockerExecutor,
    job: JobSpec,
    far_engine: APIClient,
    far_instance: str,
    blind: str,
    tmp_path: Path,
) -> None:
    waiting = "echo began; while ! test -e go-on; do sleep 0.05; done; seq 1 20000; printf end; exit 9"
    await killed_sharing(waiting, job, far_instance, tmp_path / "run", blind)
    log = MemoryLog()
    async with far.session(sharing(job)) as session:
        adopted = asyncio.create_task(session.run(step(waiting, BUSYBOX, index=1), log))
        await log.shows(b"began\n")
        let_go_on(far_engine, job)
        assert await adopted == Exit(9)
        assert bytes(log.content) == b"began\n" + LINES + b"end"
        assert await run(session, step("cat /tmp/file", BUSYBOX, index=2)) == (Exit(0), b"kept\n")
    assert containers(far_engine, far_instance) == []


async def test_two_steps_may_begin_the_way_at_once(far: DockerExecutor, job: JobSpec) -> None:
    """One that is prepared while the first one starts."""
    files, steps = CopiedFiles(far._host, job), [step("", BUSYBOX, index=at) for at in range(4)]
    marker = far._host.run_dir / job.id / "copied"
    for _ in range(100):
        await asyncio.gather(*(asyncio.to_thread(files._begin, each) for each in steps))
        assert files.is_begun
        marker.unlink()
