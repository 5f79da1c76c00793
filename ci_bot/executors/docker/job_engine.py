"""What the operator allows in, a job's own engine out: its container, and where the job's steps find it. Pure.

Whoever may use an engine may do what it may. Its network is the job's alone, so no other job reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ci_bot.core.planned import ENGINE_NAME, EngineKind, Service
from ci_bot.executors.docker.convert import service_container
from ci_bot.executors.docker.limits import Limits
from ci_bot.ports import JobSpec

_SECONDS: Final = 120  # until it answers
_UNMASKED: Final[dict[str, Any]] = {"MaskedPaths": [], "ReadonlyPaths": []}
#: The default profiles of both forbid namespaces and mounts, of which every engine is made:
#: https://docs.docker.com/engine/security/seccomp/
_NO_PROFILES: Final = ["seccomp=unconfined", "apparmor=unconfined"]
#: By these newuidmap and newgidmap give the engine its user namespace, and setuid programs must be able
#: to; the engine itself has none: https://man7.org/linux/man-pages/man7/user_namespaces.7.html
_TO_MAP_IDS: Final = ["SETGID", "SETUID"]
#: rootlesskit gives the engine's containers a network through one.
_TUN: Final = {
    "PathOnHost": "/dev/net/tun",
    "PathInContainer": "/dev/net/tun",
    "CgroupPermissions": "rwm",
}


@dataclass(frozen=True, slots=True)
class JobEngine:
    """What a job's own engine is made of.

    `runtime` and `capabilities` are a nested one's, which is privileged without them.
    """

    kind: EngineKind = EngineKind.NESTED
    image: str = ""  # "": the official one of its kind
    runtime: str = ""
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the official image of a kind is started, and how it is found."""

    image: str
    port: int
    variable: str  # of a step: where it is
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


_NESTED: Final = _Kind(
    image="docker:dind",
    port=2375,
    variable="DOCKER_HOST",
    # Not `version`: of rootless engines some break down over that one request, and do all others:
    # https://github.com/moby/moby/issues/47085
    ready="docker -H tcp://127.0.0.1:2375 ps --quiet >/dev/null",
    # It listens without TLS only if it is told so: https://hub.docker.com/_/docker
    env={"DOCKER_TLS_CERTDIR": ""},
)
_BUILDKIT: Final = _Kind(
    image="moby/buildkit:rootless",
    port=1234,
    variable="BUILDKIT_HOST",
    ready="buildctl --addr tcp://127.0.0.1:1234 debug workers >/dev/null",
    # What a build runs sees the daemon's processes, which are the job's own; in return /proc stays masked:
    # https://github.com/moby/buildkit/blob/master/docs/rootless.md
    arguments=("--addr", "tcp://0.0.0.0:1234", "--oci-worker-no-process-sandbox"),
)
_KINDS: Final[Mapping[EngineKind, _Kind]] = {
    EngineKind.NESTED: _NESTED,
    EngineKind.ROOTLESS: replace(_NESTED, image="docker:dind-rootless"),
    EngineKind.BUILDKIT: _BUILDKIT,
}


def service(made_of: JobEngine) -> Service:
    """The engine as the service that it is to the job's steps."""
    kind = _KINDS[made_of.kind]
    return Service(ENGINE_NAME, made_of.image or kind.image, kind.env, kind.ready, _SECONDS)


def addresses(made_of: JobEngine) -> dict[str, str]:
    """What a step's environment says of it."""
    kind = _KINDS[made_of.kind]
    return {kind.variable: f"tcp://{ENGINE_NAME}:{kind.port}"}


def container(
    instance: str, job: JobSpec, made_of: JobEngine, image_id: str, limits: Limits
) -> dict[str, Any]:
    """Its create request. It alone is let out of confinement, and only as far as its kind needs."""
    plain = service_container(instance, job, service(made_of), image_id, limits, made_of.runtime)
    host = plain["HostConfig"]
    match made_of.kind:
        case EngineKind.NESTED:
            return plain | {
                "HostConfig": host | _let_nested(made_of),
                "Volumes": {"/var/lib/docker": {}},
            }
        case EngineKind.ROOTLESS:
            return plain | {"HostConfig": host | _let_rootless() | _UNMASKED | {"Devices": [_TUN]}}
        case EngineKind.BUILDKIT:
            arguments = list(_KINDS[made_of.kind].arguments)
            return plain | {"HostConfig": host | _let_rootless(), "Cmd": arguments}


def _let_nested(made_of: JobEngine) -> dict[str, Any]:
    unconfined = {"SecurityOpt": [] if made_of.runtime else _NO_PROFILES}
    if made_of.capabilities:
        return unconfined | {"CapAdd": list(made_of.capabilities)} | _UNMASKED
    return unconfined if made_of.runtime else unconfined | {"Privileged": True}


def _let_rootless() -> dict[str, Any]:
    """The image's own user stays, and its volumes hold what the engine keeps."""
    return {"CapAdd": _TO_MAP_IDS, "SecurityOpt": _NO_PROFILES}
