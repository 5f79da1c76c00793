"""What a step's container is started with: StepSpec in, two shell scripts out. Pure.

`begin` sets the environment and the directory, then becomes `sh -e script`; `script` is the author's
text alone, so that the shell's messages name the author's own line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ci_bot.core.errors import StepRefused
from ci_bot.ports import WORKSPACE_INSIDE, StepSpec

CONTROL_INSIDE = "/ci-bot/control"
BEGIN_INSIDE = f"{CONTROL_INSIDE}/begin"
SCRIPT_INSIDE = f"{CONTROL_INSIDE}/script"
RECEIPT_INSIDE = f"{CONTROL_INSIDE}/read"

#: What `begin` ends with when the step's directory is not there.
NO_WORKDIR_CODE = 1

#: What `listen` ends with, and says alone, when its input ends too early: nothing of the step has run.
NOT_BEGUN_CODE = 125
NOT_BEGUN_LINE = "ci-bot: the connection broke before the step had its environment; nothing of it ran"

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


def begin(spec: StepSpec, *, has_receipt: bool = True) -> bytes:
    """The script the container is started with. Raises `StepRefused` for what no shell can set.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
    """
    return _encoded("\n".join(_lines(spec, has_receipt=has_receipt)) + "\n")


def listen() -> bytes:
    """Stands in for `begin` where that comes by standard input, framed as by `dictated`.

    Runs what it is told only when all of it has come, and with the shell's own commands alone, so that
    nothing of it is in an argument list.
    """
    return _encoded(_LISTEN)


def dictated(begin: bytes) -> bytes:
    """What `listen` is told: the number of lines, then the lines."""
    return b"%d\n" % begin.count(b"\n") + begin


def says_not_begun(output: bytes) -> bool:
    return output == _encoded(f"{NOT_BEGUN_LINE}\n")


def script(spec: StepSpec) -> bytes:
    """The author's script, for `sh -e`."""
    return _encoded(spec.step.run + "\n")


def no_workdir_line(spec: StepSpec) -> str:
    """What `begin` says, and the log then consists of, when the step's directory is not there."""
    return f'ci-bot: there is no directory "{spec.step.workdir}" in the workspace'


def quoted(text: str) -> str:
    """One shell word that stands for exactly this text."""
    return "'" + text.replace("'", "'\\''") + "'"


def _lines(spec: StepSpec, *, has_receipt: bool) -> Iterator[str]:
    yield "exec 2>&1"
    yield _HOME
    for name, value in with_safe_directory({**spec.env, **spec.secrets}).items():
        yield _export(name, value)
    if has_receipt:
        yield _RECEIPT
    yield f"cd {quoted(f'{WORKSPACE_INSIDE}/{spec.step.workdir}')} 2>/dev/null || {{"
    yield f"  printf '%s\\n' {quoted(no_workdir_line(spec))}"
    yield f"  exit {NO_WORKDIR_CODE}"
    yield "}"
    yield f"exec /bin/sh -e {SCRIPT_INSIDE} </dev/null"


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
