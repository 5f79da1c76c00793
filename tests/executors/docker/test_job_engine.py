"""A job's own engine: builds and pushes images, is nobody else's, and ends with the job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from docker import APIClient

from ci_bot.core.errors import EngineError, StepRefused
from ci_bot.core.planned import EngineKind, Service
from ci_bot.executors.docker import convert, job_engine, names
from ci_bot.executors.docker.executor import DockerExecutor
from ci_bot.executors.docker.job_engine import JobEngine
from ci_bot.executors.docker.limits import Limits
from ci_bot.ports import JobSpec
from dev.images import ensure_images
from dev.recipes import BUILDKIT, BUSYBOX, ENGINE, ENGINE_CAPABILITIES, REGISTRY, ROOTLESS
from tests.contract.executor import MemoryLog, run, step

pytestmark = pytest.mark.docker

#: What the operator allows to each repository.
ALLOWED: Final[Mapping[str, JobEngine]] = {
    "acme/nested": JobEngine(image=ENGINE, capabilities=ENGINE_CAPABILITIES),
    "acme/rootless": JobEngine(EngineKind.ROOTLESS, ROOTLESS),
    "acme/buildkit": JobEngine(EngineKind.BUILDKIT, BUILDKIT),
}
BUILD = """
set -e
mkdir image && cp /bin/busybox image/
printf 'FROM scratch\\nCOPY busybox /bin/sh\\nRUN ["/bin/sh", "-c", "echo built here >/made"]\\n' >image/Dockerfile
docker build -t registry:5000/acme/app:1 image
docker push registry:5000/acme/app:1
docker image rm registry:5000/acme/app:1
docker run --rm registry:5000/acme/app:1 /bin/sh -c 'read -r line </made; echo "$line"'
"""
#: Whether root in what a step starts is root on the machine, too; 60 is the kernel's own default.
MIGHT = """
docker run --rm --cap-add ALL --security-opt seccomp=unconfined --security-opt systempaths=unconfined \\
    registry:5000/acme/app:1 /bin/sh -c 'echo 60 >/proc/sys/vm/swappiness && echo "root on the machine"'
"""


@pytest.fixture
async def builder(instance: str, tmp_path: Path) -> AsyncIterator[DockerExecutor]:
    ensure_images((BUSYBOX, ENGINE, ROOTLESS, BUILDKIT, REGISTRY))
    made = DockerExecutor(
        instance=instance,
        run_dir=tmp_path / "run",
        limits=Limits(memory=1 << 30),
        engine_of=ALLOWED.get,
    )
    yield made
    await made.close()


def with_engine(job: JobSpec, *services: Service, **more: object) -> JobSpec:
    planned = replace(job.job, engine=True, services=services)
    return replace(job, job=planned, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("repo", ["acme/nested", "acme/rootless"])
async def test_an_image_is_built_pushed_pulled_and_run(
    builder: DockerExecutor, job: JobSpec, engine: APIClient, repo: str
) -> None:
    asked = with_engine(job, Service("registry", REGISTRY), repo=repo)
    async with builder.session(asked) as session:
        try:
            await session.serve(lambda _: MemoryLog())
        except (EngineError, StepRefused) as error:
            if repo != "acme/rootless" or not (why := keeps_rootless_away(str(error))):
                raise
            pytest.skip(f"the engine's machine {why}: {error}")
        end, output = await run(session, step(BUILD, ENGINE))
        own = engine.inspect_container(names.service_name(asked, "docker"))
        if repo == "acme/rootless":
            _, told = await run(session, step(MIGHT, ENGINE, index=1))
            assert b"Permission denied" in told
            assert b"root on the machine" not in told
    assert end.code == 0, output.decode()
    assert output.endswith(b"built here\n")
    assert not own["HostConfig"]["Privileged"]
    assert not any("docker.sock" in mount.get("Source", "") for mount in own["Mounts"])
    assert_gone(engine, job, own)
    tags = {tag for image in engine.images() for tag in image["RepoTags"] or ()}
    assert not any(tag.startswith("registry:5000/") for tag in tags)  # it stayed in the job's own


#: What these say where ordinary users may have no user namespaces; the first is Ubuntu's since 24.04.
NO_NAMESPACES = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/user/max_user_namespaces": "0",
}


def keeps_rootless_away(error: str) -> str:
    """What of the machine does; empty where nothing known does."""
    if "/dev/net/tun" in error:
        return "has no network for rootless engines"
    for setting, value in NO_NAMESPACES.items():
        if Path(setting).exists() and Path(setting).read_text().strip() == value:
            return f"lets no ordinary user make a user namespace ({setting} is {value})"
    return ""


async def test_a_buildkit_is_found_by_the_steps(
    builder: DockerExecutor, job: JobSpec, engine: APIClient
) -> None:
    """The daemon is a stand-in that says how it was called."""
    asked = with_engine(job, repo="acme/buildkit")
    script = 'echo "$BUILDKIT_HOST ${DOCKER_HOST-none}"; buildctl --addr "$BUILDKIT_HOST" debug workers'
    async with builder.session(asked) as session:
        await session.serve(lambda _: MemoryLog())
        end, output = await run(session, step(script, BUILDKIT))
        own = engine.inspect_container(names.service_name(asked, "docker"))
    assert end.code == 0, output.decode()
    assert output.decode().splitlines() == [
        "tcp://docker:1234 none",
        "--addr tcp://0.0.0.0:1234 --oci-worker-no-process-sandbox",
    ]
    assert_gone(engine, job, own)


def assert_gone(engine: APIClient, job: JobSpec, own: dict[str, Any]) -> None:
    assert engine.containers(all=True, filters={"label": f"{names.JOB}={job.id}"}) == []
    for mount in own["Mounts"]:
        assert not engine.volumes(filters={"name": mount["Name"]})["Volumes"]


async def test_it_is_off_unless_the_operator_allows_it(builder: DockerExecutor, job: JobSpec) -> None:
    asked = with_engine(replace(job, repo="acme/other"))
    async with builder.session(asked) as session:
        with pytest.raises(
            StepRefused, match=r"docker: true is not allowed for acme/other.*\[\[engines\]\]"
        ):
            await session.serve(lambda _: MemoryLog())


async def test_commits_of_outsiders_never_get_one(builder: DockerExecutor, job: JobSpec) -> None:
    asked = with_engine(job, repo="acme/nested", is_outsiders=True)
    async with builder.session(asked) as session:
        with pytest.raises(
            StepRefused, match="does not work for a commit of somebody without write access"
        ):
            await session.serve(lambda _: MemoryLog())


# ── what its container is let ────────────────────────────────────────────────────────────────

NO_PROFILES = ["seccomp=unconfined", "apparmor=unconfined"]


def container(job: JobSpec, made_of: JobEngine) -> dict[str, Any]:
    return job_engine.container("prod", with_engine(job), made_of, "sha256:abc", Limits())


@pytest.mark.parametrize(
    ("made_of", "let"),
    [
        (JobEngine(), {"Privileged": True, "SecurityOpt": NO_PROFILES}),
        (
            JobEngine(capabilities=("SYS_ADMIN",)),
            {
                "CapAdd": ["SYS_ADMIN"],
                "SecurityOpt": NO_PROFILES,
                "MaskedPaths": [],
                "ReadonlyPaths": [],
            },
        ),
        (JobEngine(runtime="sysbox-runc"), {"Runtime": "sysbox-runc", "SecurityOpt": []}),
        (
            JobEngine(EngineKind.ROOTLESS),
            {
                "CapAdd": ["SETGID", "SETUID"],
                "SecurityOpt": NO_PROFILES,
                "MaskedPaths": [],
                "ReadonlyPaths": [],
                "Devices": [
                    {
                        "PathOnHost": "/dev/net/tun",
                        "PathInContainer": "/dev/net/tun",
                        "CgroupPermissions": "rwm",
                    }
                ],
            },
        ),
        (JobEngine(EngineKind.BUILDKIT), {"CapAdd": ["SETGID", "SETUID"], "SecurityOpt": NO_PROFILES}),
    ],
)
def test_an_engine_is_let_what_its_kind_needs_and_nothing_else(
    job: JobSpec, made_of: JobEngine, let: Mapping[str, object]
) -> None:
    beside = Service("beside", "x")
    confined = convert.service_container("prod", with_engine(job), beside, "sha256:abc", Limits())
    assert container(job, made_of)["HostConfig"] == confined["HostConfig"] | let


@pytest.mark.parametrize(
    ("kind", "image", "found_by"),
    [
        (EngineKind.NESTED, "docker:dind", {"DOCKER_HOST": "tcp://docker:2375"}),
        (EngineKind.ROOTLESS, "docker:dind-rootless", {"DOCKER_HOST": "tcp://docker:2375"}),
        (EngineKind.BUILDKIT, "moby/buildkit:rootless", {"BUILDKIT_HOST": "tcp://docker:1234"}),
    ],
)
def test_each_kind_has_its_official_image_and_its_address(
    kind: EngineKind, image: str, found_by: Mapping[str, str]
) -> None:
    assert job_engine.service(JobEngine(kind)).image == image
    assert job_engine.addresses(JobEngine(kind)) == found_by
