"""`deploy/haproxy.cfg`: the executor works through it, and it lets nothing through that is not needed."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError, StepRefused
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.images import Credentials
from ci_bot.ports import JobSpec
from dev.packages import NoPackagesError
from dev.recipes import BUSYBOX, GIT_1000
from tests.conftest import REQUIRED
from tests.contract.executor import CHECKS, SHARED, Check, only, run, sharing, step
from tests.deploy.images import ensure_haproxy
from tests.engine_proxy import ENGINE, Proxy
from tests.executors.docker.conftest import LIMITS, engine, images, job, own_instance
from tests.executors.docker.copying import blind, far_engine, far_instance, kept_far_instance

__all__ = [
    "blind",
    "engine",
    "far_engine",
    "far_instance",
    "images",
    "job",
    "kept_far_instance",
    "own_instance",
]

pytestmark = pytest.mark.docker

CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
RECORDED: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that allows something."""

    method: str
    path: re.Pattern[str]

    def fits(self, request: tuple[str, str]) -> bool:
        return request[0] == self.method and self.path.search(request[1]) is not None


def rules() -> list[Rule]:
    line = r"^ +http-request allow if \{ method (\w+) \} \{ var\(txn\.path\) -m reg (\S+) \}$"
    found = re.findall(line, CONFIG.read_text(), re.MULTILINE)
    assert len(found) == CONFIG.read_text().count("http-request allow")
    return [Rule(method, re.compile(path, re.ASCII)) for method, path in found]


# ── the proxy itself ─────────────────────────────────────────────────────────────────────────


@contextmanager
def narrowed(engine: APIClient, socket_file: str) -> Iterator[Path]:
    """HAProxy as compose.yaml runs it, in front of this socket; yields its own one."""
    home = Path(tempfile.mkdtemp(prefix="cib-", dir="/var/tmp"))  # a socket's path is short
    try:
        image = ensure_haproxy(engine)
    except NoPackagesError as error:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but there is no HAProxy: {error}", pytrace=False)
        pytest.skip(f"no HAProxy: {error}")
    os.chown(home, 99, 99)
    config = engine.create_host_config(
        binds=[
            f"{CONFIG}:/usr/local/etc/haproxy/haproxy.cfg:ro",
            f"{home}:/run/ci-bot-engine",
            f"{socket_file}:/var/run/docker.sock",
        ],
        network_mode="none",
        cap_drop=["ALL"],
        read_only=True,
        group_add=[str(Path(socket_file).stat().st_gid)],
    )
    made = engine.create_container(image, host_config=config)["Id"]
    try:
        engine.start(made)
        _wait_for(home / "docker.sock", engine, made)
        yield home / "docker.sock"
    finally:
        engine.remove_container(made, force=True)
        shutil.rmtree(home)


def _wait_for(file: Path, engine: APIClient, container: str) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, engine.logs(container).decode()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def near(engine: APIClient) -> Iterator[Path]:
    with narrowed(engine, ENGINE) as file:
        yield file


@pytest.fixture(scope="module")
def far(engine: APIClient, blind: str) -> Iterator[Path]:
    with narrowed(engine, blind.removeprefix("unix://")) as file:
        yield file


class Guarded:
    """Every registry wants credentials."""

    def is_guarded(self, host: str) -> bool:
        return True

    def credentials(self, repo: str, host: str) -> Credentials | None:
        return None


@pytest.fixture
async def through(far: Path, far_instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    """An executor whose every request is written down, and then goes through HAProxy."""
    proxy = Proxy(tmp_path / "s", str(far))
    (tmp_path / "run").mkdir()
    async with proxy.serving():
        made = DockerExecutor(
            instance=far_instance,
            run_dir=tmp_path / "run",
            limits=LIMITS,
            base_url=f"unix://{proxy.path}",
        )
        yield made
        await made.close()
    note(proxy)


def note(proxy: Proxy) -> None:
    for line in proxy.requests:
        method, target = line.split()
        RECORDED.add((method, re.sub(r"^/v1\.\d+/", "/", urlsplit(target).path)))


# ── the executor works through it ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract(check: Check, through: DockerExecutor, job: JobSpec) -> None:
    """As compose.yaml has it: behind HAProxy, on an engine that does not see the server's files."""
    await check(through, job, BUSYBOX)


@pytest.mark.parametrize("check", SHARED, ids=lambda check: check.__name__)
async def test_contract_of_shared_containers(
    check: Check, through: DockerExecutor, job: JobSpec
) -> None:
    await check(through, sharing(job), BUSYBOX)


async def test_on_an_engine_that_sees_the_files(
    near: Path, images: None, own_instance: str, job: JobSpec, tmp_path: Path
) -> None:
    proxy = Proxy(tmp_path / "s", str(near))
    async with proxy.serving():
        executor = DockerExecutor(
            instance=own_instance, run_dir=tmp_path / "run", base_url=f"unix://{proxy.path}"
        )
        async with executor.session(job) as session:
            for index, image in enumerate((GIT_1000, BUSYBOX)):
                script = 'echo "$X" >> file; cat file'
                end, output = await run(session, step(script, image, index=index, env={"X": "y"}))
                assert (end.code, output) == (0, b"y\n" * (index + 1))
        await executor.reap(only())
        assert "it sees the server's files" in await executor.check()
        await executor.close()
    note(proxy)


async def test_images_are_asked_for_through_it(
    near: Path, images: None, own_instance: str, job: JobSpec, tmp_path: Path
) -> None:
    """No registry answers, or none has this image: what counts is that the engine was asked."""
    proxy = Proxy(tmp_path / "s", str(near))
    async with proxy.serving():
        executor = DockerExecutor(
            instance=own_instance,
            run_dir=tmp_path / "run",
            registries=Guarded(),
            base_url=f"unix://{proxy.path}",
        )
        async with executor.session(job) as session:
            for image in (f"localhost:1/ci-bot/nothing:{own_instance}", BUSYBOX):
                with pytest.raises((EngineError, StepRefused)):
                    await asyncio.wait_for(session.prepare(step("true", image)), 60)
        await executor.close()
    note(proxy)


def test_every_request_is_allowed_and_every_line_is_needed() -> None:
    """By what the tests above recorded; pytest runs them in this order, and a file in one process."""
    if len(RECORDED) < 15:
        pytest.skip("the tests that record were not run")
    assert [request for request in RECORDED if not any(rule.fits(request) for rule in rules())] == []
    unused = [rule for rule in rules() if not any(rule.fits(request) for request in RECORDED)]
    assert unused == []


# ── and nothing else does ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /containers/abc/exec",
        "POST /exec/abc/start",
        "POST /v1.41/containers/abc/exec",
        "POST /containers/abc/update",
        "POST /containers/abc/rename",
        "GET /containers/abc/export",
        "GET /containers/abc/top",
        "POST /build",
        "POST /commit?container=abc",
        "POST /images/load",
        "POST /images/create?fromSrc=-&repo=x",
        "POST /images/x/push",
        "DELETE /images/x",
        "GET /images/x/get",
        "POST /images/prune",
        "POST /volumes/prune",
        "POST /containers/prune",
        "POST /networks/abc/connect",
        "GET /secrets",
        "GET /swarm",
        "POST /swarm/init",
        "GET /plugins",
        "POST /session",
        "GET /events",
        "GET /images/x/../../secrets/y/json",
        "GET /images/x/%2e%2e/%2e%2e/secrets/json",
        "GET //secrets",
        "DELETE /containers/a/b",
        "PATCH /containers/create",
        "POST /volumes",
    ],
)
def test_it_refuses(near: Path, request_line: str) -> None:
    method, target = request_line.split()
    assert ask(near, method, target) == 403


def test_it_lets_a_question_through(near: Path) -> None:
    assert ask(near, "GET", "/v1.41/version") == 200


def ask(file: Path, method: str, target: str) -> int:
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    connection.sock.connect(str(file))
    try:
        connection.request(method, target)
        return connection.getresponse().status
    finally:
        connection.close()
