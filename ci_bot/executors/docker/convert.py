"""From a step to the engine's create request: JobSpec, StepSpec and Limits in, JSON values out. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ci_bot.executors.docker import names
from ci_bot.executors.docker.limits import Limits
from ci_bot.executors.docker.script import BEGIN_INSIDE, CONTROL_INSIDE
from ci_bot.ports import OBJECTS_INSIDE, WORKSPACE_INSIDE, JobSpec, StepSpec, Workspace

#: apt-get, su, useradd, git and daemons on low ports work with these and nothing more.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETUID", "SETGID", "KILL")


def step_container(
    instance: str,
    job: JobSpec,
    spec: StepSpec,
    image_id: str,
    control: Path,
    limits: Limits,
    runtime: str = "",
) -> dict[str, Any]:
    """The container of one step. Its environment is the image's own: the step's comes in `control`."""
    return {
        "Image": image_id,
        "Entrypoint": ["/bin/sh"],
        "Cmd": [BEGIN_INSIDE],
        "WorkingDir": WORKSPACE_INSIDE,
        "Tty": False,
        "OpenStdin": False,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": names.labels(instance, job, spec),
        "HostConfig": _confined(limits)
        | {
            "NetworkMode": names.network_name(instance),
            "Mounts": _mounts(job.workspace, control),
            "LogConfig": _log(limits),
        }
        | ({"Runtime": runtime} if runtime else {}),
    }


def owner_container(
    instance: str, job: JobSpec, spec: StepSpec, image_id: str, owner: str, limits: Limits
) -> dict[str, Any]:
    """A container that gives the workspace to `owner` ("uid:gid"), for a server that is not root."""
    return {
        "Image": image_id,
        "Entrypoint": ["chown"],
        "Cmd": ["-Rh", owner, WORKSPACE_INSIDE],
        "User": "0:0",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": names.labels(instance, job, spec),
        "HostConfig": _confined(limits)
        | {
            "NetworkMode": "none",
            "Mounts": [_mount(job.workspace.path, WORKSPACE_INSIDE, read_only=False)],
        },
    }


def network(instance: str) -> dict[str, Any]:
    """The one bridge of this server's steps: they reach the world, and not each other."""
    return {
        "name": names.network_name(instance),
        "driver": "bridge",
        "check_duplicate": True,
        "labels": {names.INSTANCE: instance},
        "options": {
            "com.docker.network.bridge.name": names.bridge_name(instance),
            "com.docker.network.bridge.enable_icc": "false",
        },
    }


def _confined(limits: Limits) -> dict[str, Any]:
    return {
        "CapDrop": ["ALL"],
        "CapAdd": list(CAPABILITIES),
        "SecurityOpt": ["no-new-privileges"],
        "Init": True,
        "Memory": limits.memory,
        "MemorySwap": limits.memory,
        "NanoCpus": round(limits.cpus * 1_000_000_000),
        "PidsLimit": limits.pids,
        "RestartPolicy": {"Name": "no"},
    }


def _mounts(workspace: Workspace, control: Path) -> list[dict[str, Any]]:
    mounts = [
        _mount(workspace.path, WORKSPACE_INSIDE, read_only=False),
        _mount(control, CONTROL_INSIDE, read_only=True),
    ]
    if workspace.objects is not None:
        mounts.append(_mount(workspace.objects, OBJECTS_INSIDE, read_only=True))
    return mounts


def _mount(source: Path, target: str, *, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def _log(limits: Limits) -> dict[str, Any]:
    """One file without compression: the driver's defaults drop the beginning of a long log."""
    return {
        "Type": "local",
        "Config": {"max-size": str(limits.log), "max-file": "1", "compress": "false"},
    }
