"""From a step to the engine's create request: JobSpec, StepSpec and Limits in, JSON values out. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ci_bot.core.planned import Service
from ci_bot.executors.docker import names
from ci_bot.executors.docker.limits import Limits
from ci_bot.executors.docker.script import BEGIN_INSIDE, CONTROL_INSIDE, GATE_INSIDE
from ci_bot.ports import OBJECTS_INSIDE, WORKSPACE_INSIDE, JobSpec, StepSpec, Workspace

Mount = dict[str, Any]

#: apt-get, su, useradd, git and daemons on low ports work with these and nothing more.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETUID", "SETGID", "KILL")

ASK_EVERY = 1_000_000_000  # nanoseconds between the ends of questions to a service
MANY = 1_000_000  # questions: it is we who give up

#: Nothing but a loopback. With `NetworkMode` alone the engine makes a sandbox for it all the same, which takes
#: half of such a container's time.
NO_NETWORK = {"NetworkDisabled": True}

#: Exit codes of `probe_container` → whether it read what we wrote; any other says nothing.
PROBE_ANSWERS = {0: True, 3: False}
_PROBE = """
for place in /ci-bot/probe/*; do
    read -r found < "$place/nonce" && [ "$found" = "$0" ] || exit 3
done 2>/dev/null
"""


def step_container(
    instance: str,
    job: JobSpec,
    spec: StepSpec,
    image_id: str,
    mounts: Sequence[Mount],
    limits: Limits,
    runtime: str = "",
    *,
    by_input: bool = False,
    is_shared: bool = False,
) -> dict[str, Any]:
    """The container of one step. Its environment is the image's own.

    The step's comes by one of `mounts`, or with `by_input` by the attached standard input. One that is
    shared with the steps after it is told each by its input, which outlives whoever is attached.
    """
    return {
        "Image": image_id,
        "Entrypoint": ["/bin/sh"],
        "Cmd": [GATE_INSIDE if is_shared else BEGIN_INSIDE],
        "WorkingDir": WORKSPACE_INSIDE,
        "Tty": False,
        "OpenStdin": by_input or is_shared,
        "StdinOnce": by_input and not is_shared,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": names.labels(instance, job, spec),
        "HostConfig": _confined(limits)
        | {
            "NetworkMode": names.network_of(instance, job),
            "Mounts": list(mounts),
            "LogConfig": _log(limits),
        }
        | ({"Runtime": runtime} if runtime else {}),
    }


def bare(container: dict[str, Any], spec: StepSpec, argv: Sequence[str]) -> dict[str, Any]:
    """The same container for an image without a shell; the engine itself sets up what `begin` would."""
    return container | {
        "Entrypoint": [argv[0]],
        "Cmd": list(argv[1:]),
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "WorkingDir": f"{WORKSPACE_INSIDE}/{spec.step.workdir}".removesuffix("/."),
        "OpenStdin": False,
        "StdinOnce": False,
    }


def service_container(
    instance: str, job: JobSpec, service: Service, image_id: str, limits: Limits, runtime: str = ""
) -> dict[str, Any]:
    """A service: the image's own program, which the engine itself asks whether it is ready.

    So nobody has to run commands in it from outside, which a guarded socket may refuse.
    """
    own = names.network_of(instance, job)
    return {
        "Image": image_id,
        "Hostname": service.name,
        "Env": [f"{name}={value}" for name, value in service.env.items()],
        "Tty": False,
        "Healthcheck": _asked(service),
        "Labels": names.service_labels(instance, job, service.name),
        "HostConfig": _confined(limits)
        | {"NetworkMode": own, "LogConfig": _log(limits)}
        | ({"Runtime": runtime} if runtime else {}),
        "NetworkingConfig": {"EndpointsConfig": {own: {"Aliases": [service.name]}}},
    }


def _asked(service: Service) -> dict[str, Any]:
    if not service.ready:
        return {"Test": ["NONE"]}
    return {
        "Test": ["CMD-SHELL", service.ready],
        "Interval": ASK_EVERY,
        "Timeout": max(service.timeout * 1_000_000_000, ASK_EVERY),
        "Retries": MANY,
    }


def owner_container(
    instance: str,
    job: JobSpec,
    spec: StepSpec,
    image_id: str,
    owner: str,
    workspace: Mount,
    limits: Limits,
) -> dict[str, Any]:
    """A container that gives the workspace to `owner` ("uid:gid"), where the server itself cannot."""
    return {
        "Image": image_id,
        "Entrypoint": ["chown"],
        "Cmd": ["-Rh", owner, WORKSPACE_INSIDE],
        "User": "0:0",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": names.labels(instance, job, spec),
        "HostConfig": _confined(limits) | {"NetworkMode": "none", "Mounts": [workspace]},
        **NO_NETWORK,
    }


def probe_container(instance: str, image: str, places: Sequence[Path], nonce: str) -> dict[str, Any]:
    """A container that says with `PROBE_ANSWERS` whether each of `places` has our file `nonce`."""
    mounts = [
        _bind(place, f"/ci-bot/probe/{number}", read_only=True) for number, place in enumerate(places)
    ]
    return {
        "Image": image,
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", _PROBE, nonce],
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {names.INSTANCE: instance},
        "HostConfig": _confined(Limits()) | {"Init": False, "NetworkMode": "none", "Mounts": mounts},
        **NO_NETWORK,
    }


def filling_container(
    instance: str, job: JobSpec, spec: StepSpec, image_id: str, mounts: Sequence[Mount]
) -> dict[str, Any]:
    """A container that is never started: through it the engine unpacks into the job's volumes."""
    return {
        "Image": image_id,
        "Entrypoint": ["/bin/sh"],
        "Labels": names.labels(instance, job, spec),
        "HostConfig": {"NetworkMode": "none", "Mounts": list(mounts)},
    }


def volume(instance: str, job: JobSpec, name: str) -> dict[str, Any]:
    return {"name": name, "labels": names.job_labels(instance, job)}


def job_network(instance: str, job: JobSpec) -> dict[str, Any]:
    """The network of a job with services: its containers reach each other by name, and the world."""
    return {
        "name": names.job_network(job),
        "driver": "bridge",
        "check_duplicate": True,
        "labels": names.job_labels(instance, job),
        "options": {"com.docker.network.bridge.name": names.bridge_name(job.id)},
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


def bound(workspace: Workspace, control: Path) -> list[Mount]:
    """The server's own directories, for an engine that sees them."""
    mounts = [workspace_bound(workspace), _bind(control, CONTROL_INSIDE, read_only=True)]
    if workspace.objects is not None:
        mounts.append(_bind(workspace.objects, OBJECTS_INSIDE, read_only=True))
    return mounts


def workspace_bound(workspace: Workspace) -> Mount:
    return _bind(workspace.path, WORKSPACE_INSIDE, read_only=False)


def copied(job: JobSpec, *, filling: bool = False) -> list[Mount]:
    """Volumes of the job's own, for an engine that does not; all writable while they are filled."""
    mounts = [_volume(names.workspace_volume(job), WORKSPACE_INSIDE, read_only=False)]
    if job.workspace.objects is not None:
        mounts.append(_volume(names.objects_volume(job), OBJECTS_INSIDE, read_only=not filling))
    return mounts


def _bind(source: Path, target: str, *, read_only: bool) -> Mount:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def _volume(name: str, target: str, *, read_only: bool) -> Mount:
    """Without what the image may have at `target`."""
    return {
        "Type": "volume",
        "Source": name,
        "Target": target,
        "ReadOnly": read_only,
        "VolumeOptions": {"NoCopy": True},
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


def _log(limits: Limits) -> dict[str, Any]:
    """One file without compression: the driver's defaults drop the beginning of a long log."""
    return {
        "Type": "local",
        "Config": {"max-size": str(limits.log), "max-file": "1", "compress": "false"},
    }
