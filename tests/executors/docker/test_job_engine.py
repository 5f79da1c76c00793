"""A job's own engine: builds and pushes images, is nobody else's, and ends with the job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient

from ci_bot.core.errors import StepRefused
from ci_bot.core.planned import ENGINE_HOST, Service
from ci_bot.executors.docker import convert, names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.limits import JobEngine, Limits
from ci_bot.ports import JobSpec
from dev.images import ensure_images
from dev.recipes import BUSYBOX, ENGINE, ENGINE_CAPABILITIES, REGISTRY
from tests.contract.executor import MemoryLog, run, step

pytestmark = pytest.mark.docker

MADE_OF = JobEngine(ENGINE, capabilities=ENGINE_CAPABILITIES)
BUILD = """
set -e
mkdir image && cp /bin/busybox image/
printf 'FROM scratch\\nCOPY busybox /bin/sh\\nRUN ["/bin/sh", "-c", "echo built here >/made"]\\n' >image/Dockerfile
docker build -t registry:5000/acme/app:1 image
docker push registry:5000/acme/app:1
docker image rm registry:5000/acme/app:1
docker run --rm registry:5000/acme/app:1 /bin/sh -c 'read -r line </made; echo "$line"'
"""


@pytest.fixture
async def builder(instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    ensure_images((BUSYBOX, ENGINE, REGISTRY))
    made = DockerExecutor(
        instance=instance,
        run_dir=tmp_path / "run",
        limits=Limits(memory=1 << 30),
        engine_of=lambda repo: MADE_OF if repo == "acme/web" else None,
    )
    yield made
    await made.close()


def with_engine(job: JobSpec, *services: Service, **more: object) -> JobSpec:
    planned = replace(job.job, engine=True, services=services)
    return replace(job, job=planned, **more)  # type: ignore[arg-type]


async def test_an_image_is_built_pushed_pulled_and_run(
    builder: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    registry = Service("registry", REGISTRY)
    asked = with_engine(job, registry)
    async with builder.session(asked) as session:
        await session.serve(lambda _: MemoryLog())
        end, output = await run(session, step(BUILD, ENGINE, env={"DOCKER_HOST": ENGINE_HOST}))
        own = engine.inspect_container(names.service_name(asked, "docker"))
    assert end.code == 0, output.decode()
    assert output.endswith(b"built here\n")
    assert not own["HostConfig"]["Privileged"]
    assert not any("docker.sock" in mount.get("Source", "") for mount in own["Mounts"])
    assert engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"}) == []
    volumes = engine.volumes(filters={"name": own["Mounts"][0]["Name"]})["Volumes"]
    assert not volumes
    tags = {tag for image in engine.images() for tag in image["RepoTags"] or ()}
    assert not any(tag.startswith("registry:5000/") for tag in tags)  # it stayed in the job's own


async def test_it_is_off_unless_the_operator_allows_it(builder: DockerExecutor, job: JobSpec) -> None:
    asked = with_engine(replace(job, repo="acme/other"))
    async with builder.session(asked) as session:
        with pytest.raises(
            StepRefused, match=r"docker: true is not allowed for acme/other.*\[\[engines\]\]"
        ):
            await session.serve(lambda _: MemoryLog())


async def test_commits_of_outsiders_never_get_one(builder: DockerExecutor, job: JobSpec) -> None:
    asked = with_engine(job, is_outsiders=True)
    async with builder.session(asked) as session:
        with pytest.raises(
            StepRefused, match="does not work for a commit of somebody without write access"
        ):
            await session.serve(lambda _: MemoryLog())


def test_what_its_container_is_let(job: JobSpec) -> None:
    def host(made_of: JobEngine) -> dict[str, object]:
        made = convert.engine_container("prod", with_engine(job), made_of, "sha256:abc", Limits())
        found: dict[str, object] = made["HostConfig"]
        return found

    assert host(JobEngine("docker:dind"))["Privileged"] is True
    some = host(JobEngine("x", capabilities=("SYS_ADMIN",)))
    assert (some.get("Privileged"), some["CapAdd"], some["CapDrop"]) == (None, ["SYS_ADMIN"], ["ALL"])
    confined = host(JobEngine("x", runtime="sysbox-runc"))
    assert (confined.get("Privileged"), confined["Runtime"], confined["SecurityOpt"]) == (
        None,
        "sysbox-runc",
        [],
    )
    for each in (some, confined):
        assert each["NetworkMode"] == f"ci-bot-{job.id}"
        assert each["Memory"] == Limits().memory
