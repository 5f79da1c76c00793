"""Single values of `.ci.yaml`: names, scripts, durations and directories, each checked."""

from __future__ import annotations

import re
from typing import Final

from ci_bot.core.pipeline.cells import growth
from ci_bot.core.pipeline.limits import duration_in_words, size_in_words
from ci_bot.core.pipeline.references import check_script, refers_to_matrix, refuse
from ci_bot.core.pipeline.report import quoted
from ci_bot.core.pipeline.value import Value, text

MAX_NAME: Final = 200
MAX_WORKDIR: Final = 1024

#: Control characters, what ends a line for some reader, and what turns the direction of writing (a
#: check could show another name than it has: https://trojansource.codes).
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DURATION: Final = re.compile(r"([0-9]{1,9})([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_DURATION_HINT: Final = 'write it like "90s", "30m" or "2h"'


def one_line(value: Value) -> str | None:
    """A name to be shown, in which values of a matrix may stand."""
    name = visible_line(value)
    return name if name is not None and refers_to_matrix(value, name) else None


def visible_line(value: Value) -> str | None:
    """One line, bounded, nothing invisible; spaces around it are dropped."""
    name = text(value)
    if name is None:
        return None
    name = name.strip(" ")
    if not name:
        value.wrong("must not be empty")
    elif "\n" in name:
        value.wrong("must be one line")
    elif found := _INVISIBLE.search(name):
        value.wrong(f"must not contain U+{ord(found[0]):04X}", "remove the invisible character")
    elif len(name) > MAX_NAME:
        value.wrong(f"is {len(name)} characters long; at most {MAX_NAME} are shown", "shorten it")
    else:
        return name
    return None


def script(value: Value) -> str | None:
    """A script for the step's shell."""
    lines = text(value)
    if lines is None:
        return None
    if not lines or lines.isspace():
        value.wrong("the script is empty", "write at least one command")
        return None
    check_script(value, lines)
    return lines if fits(value, lines, "the script") else None


def fits(value: Value, content: str, what: str) -> bool:
    """Reports text that no process could be given: a NUL in it, or too much of it."""
    size = len(content.encode()) + growth(content, value.scope.matrix)
    if "\0" in content:
        value.wrong(f"{what} contains a NUL character", 'remove the "\\0"')
    elif size > value.scope.limits.script:
        limit = size_in_words(value.scope.limits.script)
        hint = "move it into a file of the repository"
        value.wrong(f"{what} has {size_in_words(size)}; at most {limit} are allowed", hint)
    else:
        return True
    return False


def title(script_text: str) -> str:
    """The default name of a step: the first line of its script that is not blank, cut to fit."""
    line = script_text.strip().partition("\n")[0]
    shown = _INVISIBLE.sub(" ", line[: MAX_NAME + 1]).strip()
    return shown if len(shown) <= MAX_NAME else shown[: MAX_NAME - 1] + "…"


def duration(value: Value) -> int | None:
    """ "90s", "30m", "2h" → seconds, at least 1 and at most what the server allows."""
    written = text(value)
    if written is None:
        return None
    found = _DURATION.fullmatch(written)
    if not refuse(value, written):
        return None
    if not found:
        value.wrong(f"{quoted(written)} is not a duration", _DURATION_HINT)
        return None
    seconds = int(found[1]) * _SECONDS[found[2]]
    longest = value.scope.limits.max_timeout
    if seconds == 0:
        value.wrong("must be more than 0", _DURATION_HINT)
        return None
    if seconds > longest:
        value.wrong(f"{written} is more than the {duration_in_words(longest)} that this server allows")
        return None
    return seconds


def workdir(value: Value) -> str | None:
    """A directory in the workspace, relative to it, normalised: "./a//b/../c" → "a/c"."""
    path = text(value)
    if path is None:
        return None
    if not refuse(value, path):
        return None
    if not path.strip():
        value.wrong("must not be empty", 'leave it out, or write "." for the workspace')
    elif _INVISIBLE.search(path):
        value.wrong("must not contain control characters")
    elif path.startswith("/"):
        hint = 'write it relative to the workspace, like "src"'
        value.wrong(f"{quoted(path)} is an absolute path", hint)
    elif (inside := _normalised(path)) is None:
        value.wrong(f"{quoted(path)} leaves the workspace", "name a directory inside it")
    elif len(path.encode()) > MAX_WORKDIR:
        value.wrong(f"is longer than {MAX_WORKDIR} bytes")
    else:
        return inside
    return None


def _normalised(path: str) -> str | None:
    """Without ".", ".." and empty parts; None where ".." climbs above the start."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def path_inside(value: Value) -> str | None:
    """A file of the repository, from its top, normalised."""
    path = text(value)
    if path is None:
        return None
    inside = _normalised(path)
    if path.startswith("/") or inside is None:
        value.wrong(f"{quoted(path)} leaves the repository", 'name a file in it, like "ci/test.yaml"')
    elif not path.isprintable() or "\\" in path or len(path.encode()) > MAX_WORKDIR:
        value.wrong(f"{quoted(path)} cannot be the name of a file here", "use plain characters")
    elif path.endswith("/") or inside == ".":
        value.wrong(f"{quoted(path)} is no file", 'name a file, like "ci/test.yaml"')
    else:
        return inside
    return None


def whole_number(value: Value, least: int, most: int) -> int | None:
    """An integer between the two, as digits."""
    written = text(value)
    if written is None:
        return None
    number = int(written) if _DIGITS.fullmatch(written) else None
    if number is None or not least <= number <= most:
        value.wrong(f"{quoted(written)} is not a whole number from {least} to {most}")
        return None
    return number
