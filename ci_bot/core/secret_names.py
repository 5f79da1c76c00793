"""The name and the value of a secret in, why it is refused or what to know about it in words out."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.mask import COMMON_WORDS, is_maskable

#: A name that every shell takes as that of a variable.
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

#: In bytes. One string of the environment may have 128 KiB, and everything in it counts together:
#: https://man7.org/linux/man-pages/man2/execve.2.html
MAX_VALUE: Final = 48 * 1024

#: What shells, the loader, git and interpreters obey: whoever may store a secret would choose what runs.
_OBEYED: Final = """
PATH HOME SHELL USER LOGNAME PWD OLDPWD TMPDIR
IFS ENV BASH_ENV BASHOPTS SHELLOPTS PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4
GIT_SSH GIT_SSH_COMMAND GIT_SSH_VARIANT GIT_EXEC_PATH GIT_ASKPASS GIT_PROXY_COMMAND
GIT_EXTERNAL_DIFF GIT_PAGER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_TEMPLATE_DIR GIT_ALLOW_PROTOCOL
GIT_SSL_NO_VERIFY GIT_DIR GIT_COMMON_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
GIT_ALTERNATE_OBJECT_DIRECTORIES
PYTHONPATH PYTHONSTARTUP PYTHONHOME NODE_OPTIONS NODE_PATH PERL5LIB PERLLIB PERL5OPT PERL5DB
RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS DOCKER_HOST BUILDKIT_HOST
"""
_OBEYED_BEGINNINGS: Final = ("LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG", "GIT_TRACE")


def refusal_of_name(name: str) -> str:
    """Why a secret may not be called so; "" if it may. What is no name is not repeated: it may be a value."""
    if not NAME.fullmatch(name):
        return (
            "a secret's name has letters, digits and _, does not begin with a digit, and ends after 128"
        )
    upper = name.upper()
    if upper == "CI" or upper.startswith("CI_"):
        return f"{name} is set by ci-bot; choose a name that does not begin with CI_"
    if upper in _OBEYED.split() or upper.startswith(_OBEYED_BEGINNINGS):
        return f"{name} changes how programs start or what they run; choose another name for the secret"
    return ""


def refusal_of_value(value: bytes) -> str:
    """Why this cannot be a secret; "" if it can."""
    if not value:
        return "the value is empty"
    if len(value) > MAX_VALUE:
        return f"the value has {len(value)} bytes; {MAX_VALUE} fit into a variable"
    if b"\0" in value:
        return "the value has a NUL byte, which no variable can hold; encode it, for instance as base64"
    return ""


def warning_of_value(value: bytes) -> str:
    """What whoever saves this value should know; "" if nothing."""
    if not value or is_maskable(value):
        return ""
    kind = "such a common word" if value.strip().lower() in COMMON_WORDS else "a value this short"
    return f"{kind} cannot be masked in logs: a step that prints it shows it"
