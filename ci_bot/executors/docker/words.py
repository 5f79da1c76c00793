"""What the engine says, in words for the person who must act. Pure: texts and codes in, values out."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from typing import Any, Final

from ci_bot.core.errors import EngineError, EngineGone, StepRefused
from ci_bot.core.model import Exit, ExitReason

KILLED = 128 + signal.SIGKILL

STOPPED_EARLY: Final = Exit(KILLED, ExitReason.STOPPED, "stopped before it began")
STOPPED: Final = Exit(KILLED, ExitReason.STOPPED, "stopped")

BEGINNING_LOST: Final = (
    "the engine's log of the shared container became too long and lost its beginning, so some of what this "
    "step wrote while no server ran is missing"
)

OUTPUT_LOST: Final = (
    "the engine lost what this step wrote: it may where a step ends within a moment on an overloaded machine; "
    "run it again"
)

#: What shells end with when a command could not be run at all.
#: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02
_SHELL_CODES: Final = {126: "a command could not be executed", 127: "a command was not found"}

_SIGNALS: Final = {
    signal.SIGABRT: "aborted (SIGABRT)",
    signal.SIGBUS: "bus error (SIGBUS)",
    signal.SIGFPE: "arithmetic error (SIGFPE)",
    signal.SIGILL: "illegal instruction (SIGILL)",
    signal.SIGINT: "interrupted (SIGINT)",
    signal.SIGKILL: "killed (SIGKILL), not by ci-bot",
    signal.SIGPIPE: "wrote to a closed pipe (SIGPIPE)",
    signal.SIGSEGV: "segmentation fault (SIGSEGV)",
    signal.SIGTERM: "terminated (SIGTERM)",
}

#: As `GET /info` says it. https://docs.docker.com/engine/security/rootless/#limiting-resources

_NOT_TO_BE_HAD = re.compile(
    r"manifest unknown|not found|no matching manifest|does not exist|denied|unauthorized"
    r"|authentication required|no basic auth|incorrect username or password|invalid reference",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"toomanyrequests|rate limit|no such host|i/o timeout|handshake timeout|Client\.Timeout"
    r"|deadline exceeded|connection refused|connection reset|unexpected EOF|no space left|x509",
    re.IGNORECASE,
)

#: What an engine says of a bind mount whose source it does not have.
#: https://github.com/moby/moby/blob/v20.10.24/volume/mounts/validate.go
#: Docker Desktop: of a folder that is not shared with its machine.
_UNSEEN = re.compile(
    r"bind source path does not exist|mounts denied|is not shared from the host", re.IGNORECASE
)

_IMAGE_AT_FAULT = re.compile(r"unable to find (user|group)|exec format error|executable file not found")


def unenforced(info: Mapping[str, Any]) -> str:
    """What of a step's limits the engine does not enforce, "" if it does all of it.

    It takes such a container all the same, and warns nobody who would read it:
    https://docs.docker.com/engine/security/rootless/tips/#limiting-resources
    """
    kinds = (("MemoryLimit", "memory"), ("CpuCfsQuota", "CPUs"), ("PidsLimit", "processes"))
    missing = [word for key, word in kinds if info.get(key) is False]
    if not missing:
        return ""
    groups = f"cgroup v{info.get('CgroupVersion', '1')}, driver {info.get('CgroupDriver', 'unknown')}"
    return (
        f"the engine enforces no limit of {', '.join(missing)} ({groups}), so one step may take all of the "
        "machine; a rootless engine needs cgroup v2 and controllers that systemd delegates: "
        "docs/operations.md, Rootless Docker"
    )


def exit_of(code: int, *, memory: int | None) -> Exit:
    """How a process ended that we did not stop; `memory` is its limit in bytes if it ran out of it."""
    if memory is not None and code == KILLED:
        return Exit(code, ExitReason.OUT_OF_MEMORY, f"out of memory (limit {size(memory)})")
    if memory is not None and code != 0:
        return Exit(code, message=f"a process ran out of memory (limit {size(memory)})")
    return Exit(code, message=_SHELL_CODES.get(code, "") or _of_signal(code))


def has_run_out(flagged: bool, code: int, peak: int | None, limit: int) -> bool:
    """Whether a process was killed for want of memory: by the engine's flag, or by what was used.

    The engine learns of a kill and of the container's end on two ways, and sets no flag where the end
    comes first (seen under load with Docker 20.10). Who was killed at the limit is then taken at its peak.
    """
    return flagged or (code == KILLED and peak is not None and 0 < limit <= peak)


def is_machine_at_fault(peak: int | None, limit: int) -> bool:
    """Whether the kernel killed for want of the machine's memory, and not for the step's own limit.

    The engine's flag says both (https://docs.kernel.org/admin-guide/cgroup-v2.html, `oom_kill`); a step
    that met its limit has used about all of it. Where the peak is not known, the step is to blame.
    """
    return peak is not None and limit > 0 and peak < limit * 0.8


def machine_out_of_memory(peak: int, limit: int) -> EngineError:
    return EngineError(
        "the machine ran out of memory, and its kernel killed a process of the step, which had used "
        f"{size(peak)} of the {size(limit)} that it may; run fewer jobs at once, or give the machine more"
    )


def _of_signal(code: int) -> str:
    return next((words for number, words in _SIGNALS.items() if code == 128 + number), "")


def size(count: int) -> str:
    """Bytes as people write them: 512 MiB, 1.5 GiB."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{round(count / unit, 1):g} {name}"
    return f"{count} bytes"


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:500]


def gone(where: str, cause: str) -> EngineGone:
    """`where` is the engine's URL, `cause` what the operating system said."""
    return EngineGone(
        f"the Docker engine at {where} does not answer ({one_line(cause)}); "
        "check that it runs (systemctl status docker) and that ci-bot may use its socket"
    )


def no_connection(where: str, cause: str) -> EngineGone:
    """The client library could not even try, or could not connect."""
    if where.startswith("ssh://"):
        return EngineGone(
            f"ci-bot does not speak ssh to an engine ({where}); let ssh bring its socket here: "
            "ssh -NL /run/ci-bot-engine.sock:/var/run/docker.sock HOST, and use unix:///run/ci-bot-engine.sock"
        )
    return gone(where, cause)


def vanished(name: str) -> EngineError:
    return EngineError(
        f"the step's container has vanished ({name}): somebody removed it, or the engine lost it; "
        "it was started once and is not started again"
    )


def not_begun(name: str) -> EngineError:
    return EngineError(
        f"the connection to the engine broke before the step had its environment ({name}); "
        "nothing of it has run"
    )


def pull_failure(image: str, host: str, text: str) -> EngineError | StepRefused:
    """Whether an image that could not be pulled is the author's matter or the infrastructure's."""
    told = one_line(text)
    if _TROUBLE.search(told) or not _NOT_TO_BE_HAD.search(told):
        return EngineError(f'image "{image}" could not be pulled from {host}: {told}')
    return StepRefused(
        f'image "{image}" cannot be pulled: {told}; '
        f"check its name, or give ci-bot credentials for {host}"
    )


def not_allowed(image: str, host: str, text: str) -> EngineError | StepRefused:
    """As `pull_failure`, for an image that is here but that this repository could not have pulled."""
    told = one_line(text)
    if _TROUBLE.search(told) or not _NOT_TO_BE_HAD.search(told):
        return EngineError(f'{host} could not be asked for image "{image}": {told}')
    return StepRefused(
        f'image "{image}" may not be used by this repository: {told}; '
        f"check its name, or give ci-bot credentials for {host}"
    )


def no_shell(image: str) -> StepRefused:
    return StepRefused(f'image "{image}" has no /bin/sh; use an image with a shell')


def no_shell_for_secrets(image: str) -> StepRefused:
    return StepRefused(
        f'image "{image}" has no /bin/sh, so a secret could reach it only where the engine shows it to '
        "everybody; use an image with a shell"
    )


def no_engine_allowed(repo: str) -> StepRefused:
    return StepRefused(
        f"docker: true is not allowed for {repo}: an engine of a job's own is a strong tool, so the people "
        "who run ci-bot switch it on for a repository by [[engines]] in ci-bot.toml (docs/operations.md)"
    )


def no_engine_for_outsiders() -> StepRefused:
    return StepRefused(
        "docker: true does not work for a commit of somebody without write access, whoever approved it; "
        "let a maintainer push it to a branch of this repository"
    )


def no_address_space() -> EngineError:
    return EngineError(
        "the Docker engine has no address space left for another network; remove unused ones (docker "
        'network prune) or give it more ("default-address-pools" in /etc/docker/daemon.json)'
    )


def is_unseen(text: str) -> bool:
    """Whether the engine says that it does not have a file that we have."""
    return _UNSEEN.search(text) is not None


def is_image_at_fault(text: str) -> bool:
    return _IMAGE_AT_FAULT.search(text) is not None or "no such file or directory" in text


def start_failure(image: str, text: str) -> EngineError | StepRefused:
    """Whether a container that could not be started is the image's matter or the engine's."""
    told = one_line(text)
    if _IMAGE_AT_FAULT.search(told):
        return StepRefused(f'image "{image}" cannot be started: {told}')
    return EngineError(f"the engine could not start the step's container: {told}")
