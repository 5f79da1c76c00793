"""What the engine is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ci_bot.core.planned import Job, Step
from ci_bot.executors.docker import convert, names
from ci_bot.executors.docker.limits import Limits
from ci_bot.ports import JobSpec, StepSpec, Workspace

JOB = JobSpec("j1", "r1", "acme/web", Job("build", "build", ()), Workspace(Path("/w/j1"), None))
SPEC = StepSpec(2, 3, Step("a step", "make", "debian:12"), {"TOKEN": "hunter2"})


def container(job: JobSpec = JOB) -> dict[str, Any]:
    mounts = convert.bound(job.workspace, Path("/run/c"))
    return convert.step_container("prod", job, SPEC, "sha256:abc", mounts, Limits(memory=1 << 30))


def test_everything_carries_whose_it_is() -> None:
    assert names.container_name(JOB, SPEC) == "ci-bot-j1-2-g3"
    assert container()["Labels"] == {
        "ci-bot.instance": "prod",
        "ci-bot.run": "r1",
        "ci-bot.job": "j1",
        "ci-bot.repo": "acme/web",
        "ci-bot.step": "2",
        "ci-bot.generation": "3",
    }


def test_neither_script_nor_environment_is_in_the_request() -> None:
    assert "hunter2" not in str(container())
    assert "make" not in str(container())


def test_borrowed_objects_are_mounted_where_the_port_says() -> None:
    job = replace(JOB, workspace=Workspace(Path("/w/j1"), Path("/m/web/objects")))
    assert len(container()["HostConfig"]["Mounts"]) == 2
    assert container(job)["HostConfig"]["Mounts"][2] == {
        "Type": "bind",
        "Source": "/m/web/objects",
        "Target": "/ci-bot/objects",
        "ReadOnly": True,
    }


def test_swap_does_not_stretch_memory() -> None:
    host = container()["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 1 << 30


def test_a_bridge_name_fits_linux() -> None:
    assert len(names.bridge_name("x" * 60)) <= 15
    assert names.bridge_name("a") != names.bridge_name("b")


def test_instance_names() -> None:
    assert [
        name for name in ("prod", "a.b-c_1", "", "-a", "a b", "a/b", "x" * 64) if names.is_safe(name)
    ] == [
        "prod",
        "a.b-c_1",
    ]
