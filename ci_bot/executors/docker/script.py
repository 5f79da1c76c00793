"""What a step's container is started with: StepSpec in, two shell scripts out. Pure.

`begin` sets the environment and the directory, runs `sh -e script` (or what the step names instead) and
tells what it used; `script` is the author's text alone, so that the shell's messages name the author's own
line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ci_bot.core.errors import StepRefused
from ci_bot.ports import WORKSPACE_INSIDE, StepSpec

CONTROL_INSIDE = "/ci-bot/control"
BEGIN_INSIDE = f"{CONTROL_INSIDE}/begin"
GATE_INSIDE = f"{CONTROL_INSIDE}/gate"  # instead of `begin`, where steps share a container: see gate.py
SCRIPT_INSIDE = f"{CONTROL_INSIDE}/script"
RECEIPT_INSIDE = f"{CONTROL_INSIDE}/read"
USAGE_INSIDE = f"{CONTROL_INSIDE}/usage"
HEARD_INSIDE = f"{CONTROL_INSIDE}/heard"

#: The first that `begin` writes: from here on the engine hands the output on. It stands in no log.
BEGUN_LINE = "ci-bot: the step begins"

#: What `begin` ends with when the step's directory is not there.
NO_WORKDIR_CODE = 1

#: What `listen` ends with, and says alone, when its input ends too early: nothing of the step has run.
NOT_BEGUN_CODE = 125
NOT_BEGUN_LINE = "ci-bot: the connection broke before the step had its environment; nothing of it ran"

#: Shells that stop at the first command that fails only if they are asked to.
_STRICT = {"": "/bin/sh -e", "sh": "/bin/sh -e", "bash": "bash -e -o pipefail"}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: Variables that some shell keeps for itself: setting one may end the shell, so it is tried in another.
SHELLS_OWN = frozenset(
    {
        *(
            "BASHOPTS",
            "BASH_ARGC",
            "BASH_ARGV",
            "BASH_LINENO",
            "BASH_SOURCE",
            "BASH_VERSINFO",
            "DIRSTACK",
        ),
        *("EUID", "FUNCNAME", "GROUPS", "LINENO", "OPTIND", "PPID", "SHELLOPTS", "UID"),
    }
)

#: Where the image names no home that its user can write to, `/tmp` is it; the step's own `HOME` wins.
_HOME = '[ -w "${HOME:-/ci-bot/none}" ] || [ ! -w /tmp ] || export HOME=/tmp'

#: Tells that everything secret is read. Opened for reading too, since who listened may be gone; in a
#: subshell, since a redirection that fails would end this one.
_RECEIPT = f"(printf . 1<>{RECEIPT_INSIDE}) 2>/dev/null || :"

#: What the container used, as its own control group counts it: bytes at most, then processor time in
#: nanoseconds (v1) or microseconds (v2, with its name). `read` is the shell's own, so nothing is started
#: but one subshell, which keeps whatever goes wrong from the step's exit code. A group without the limit
#: that every step has is not the step's: a rootless engine without groups shows the whole machine's.
#: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/
GROUP = "/sys/fs/cgroup"
COUNTED = f"""\
  memory=- cpu=- limit=max
  read -r limit <{GROUP}/memory.max || read -r limit <{GROUP}/memory/memory.limit_in_bytes
  case $limit in max | 92233720368547*) exit 0 ;; esac
  read -r memory <{GROUP}/memory.peak || read -r memory <{GROUP}/memory/memory.max_usage_in_bytes
  read -r cpu <{GROUP}/cpu.stat || read -r cpu <{GROUP}/cpuacct/cpuacct.usage"""
_USAGE = f"""\
(
{COUNTED}
  printf '%s %s\\n' "$memory" "$cpu" 1<>{USAGE_INSIDE}
)"""

#: An engine may close a container's output before it has opened it, if the container ends at once and the
#: machine is overloaded (seen with 26.1: "stream copy error: reading from a closed fifo"). So `begin` ends
#: when it was heard, or after some 2 s. An image without `sleep`, or without fractions, does not wait.
#: https://github.com/containerd/containerd/blob/v1.7.24/task.go
_UNTIL_HEARD = f"""\
[ -e {HEARD_INSIDE} ] || (
  tries=0
  until [ -e {HEARD_INSIDE} ] || [ $tries -ge 200 ]; do
    sleep 0.01 || break
    tries=$((tries + 1))
  done
)"""

_LISTEN = f"""\
exec 2>&1
not_begun() {{
  printf '%s\\n' '{NOT_BEGUN_LINE}'
  exit {NOT_BEGUN_CODE}
}}
told=
read -r left || not_begun
while [ "$left" -gt 0 ]; do
  IFS= read -r line || not_begun
  told="$told$line
"
  left=$((left - 1))
done
unset line left
eval "$told"
"""


def begin(
    spec: StepSpec,
    entrypoint: Sequence[str] = (),
    *,
    has_fifos: bool = True,
    is_turn: bool = False,
) -> bytes:
    """The script the container is started with; `entrypoint` is the image's, for a step with `args`.

    `is_turn`: what one step is in a container that steps share, for a subshell of its gate.

    Raises `StepRefused` for what no shell can set, and where there is nothing to run.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
    """
    command = _command(spec, entrypoint)
    lines = _lines(spec, command, has_fifos=has_fifos, is_turn=is_turn)
    return _encoded("\n".join(lines) + "\n")


def listen() -> bytes:
    """Stands in for `begin` where that comes by standard input, framed as by `dictated`.

    Runs what it is told only when all of it has come, and with the shell's own commands alone, so that
    nothing of it is in an argument list.
    """
    return _encoded(_LISTEN)


def dictated(begin: bytes) -> bytes:
    """What `listen` is told: the number of lines, then the lines."""
    return b"%d\n" % begin.count(b"\n") + begin


def is_ours(command: Sequence[str] | None) -> bool:
    """Whether a container was made to run `begin`, or a gate."""
    return command is not None and list(command) in ([BEGIN_INSIDE], [GATE_INSIDE])


def says_not_begun(output: bytes) -> bool:
    return output == _encoded(f"{NOT_BEGUN_LINE}\n")


def script(spec: StepSpec) -> bytes:
    """The author's script."""
    return _encoded(spec.step.run + "\n")


def no_workdir_line(spec: StepSpec) -> str:
    """What `begin` says, and the log then consists of, when the step's directory is not there."""
    return f'ci-bot: there is no directory "{spec.step.workdir}" in the workspace'


def quoted(text: str) -> str:
    """One shell word that stands for exactly this text."""
    return "'" + text.replace("'", "'\\''") + "'"


def _lines(spec: StepSpec, command: str, *, has_fifos: bool, is_turn: bool) -> Iterator[str]:
    yield "exec 2>&1"
    yield _HOME
    for name, value in with_safe_directory({**spec.env, **spec.secrets}).items():
        yield _export(name, value)
    if has_fifos:
        yield _RECEIPT
    if not is_turn:
        yield f"echo {quoted(BEGUN_LINE)}"
    yield f"cd {quoted(f'{WORKSPACE_INSIDE}/{spec.step.workdir}')} 2>/dev/null || {{"
    yield f"  printf '%s\\n' {quoted(no_workdir_line(spec))}"
    yield f"  exit {NO_WORKDIR_CODE}"
    yield "}"
    if is_turn or not has_fifos:
        yield f"exec {command} </dev/null"
        return
    # The shell's own words about a script that was killed are not the step's output; dash and ash say
    # them of a command, and not of a subshell that became one.
    yield "exec 2>/dev/null"
    yield f"(exec {command} </dev/null 2>&1)"
    yield "code=$?"
    yield _USAGE
    yield _UNTIL_HEARD
    yield "exit $code"


def _command(spec: StepSpec, entrypoint: Sequence[str]) -> str:
    """What the step is, as words for a shell's `exec`."""
    step = spec.step
    if step.args is not None:
        return " ".join(quoted(word) for word in argv(spec, entrypoint))
    shell = _STRICT.get(step.shell, step.shell)
    return " ".join([*map(quoted, shell.split()), SCRIPT_INSIDE])


def argv(spec: StepSpec, entrypoint: Sequence[str]) -> list[str]:
    """What a step with `args` runs. Raises `StepRefused` where that is nothing."""
    words = [*entrypoint, *(spec.step.args or ())]
    if not words:
        raise StepRefused(
            f'image "{spec.step.image}" has no entry point, and the step has no arguments'
        )
    return words


def _export(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise StepRefused(
            f'"{name}" cannot be set as an environment variable; use letters, digits and _'
        )
    if "\0" in value:
        raise StepRefused(f"the environment variable {name} holds a NUL character, which none can hold")
    export = f"export {name}={quoted(value)}"
    return f"if ({export}) 2>/dev/null; then {export}; fi" if name in SHELLS_OWN else export


def with_safe_directory(env: Mapping[str, str]) -> dict[str, str]:
    """Adds git's `safe.directory=*` to the configuration that `env` may hold already.

    https://git-scm.com/docs/git-config#ENVIRONMENT
    """
    count = env.get("GIT_CONFIG_COUNT", "0")
    if not re.fullmatch(r"[0-9]{1,4}", count):
        return dict(env)  # git itself will say what is wrong with it
    place = int(count)
    return {
        **env,
        "GIT_CONFIG_COUNT": str(place + 1),
        f"GIT_CONFIG_KEY_{place}": "safe.directory",
        f"GIT_CONFIG_VALUE_{place}": "*",
    }


def _encoded(text: str) -> bytes:
    """Bytes for the engine's machine; what is no character at all (half a surrogate pair) becomes "?"."""
    return text.encode("utf-8", "replace")
