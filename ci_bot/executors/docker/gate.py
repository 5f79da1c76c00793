"""What the shell of a container that steps share is told, and what it says between them. Pure.

The shell is the gate: it reads from its standard input what a step is to do, does that in a process of
its own, says on its output how it ended, and reads on. Each step is one *turn*. What it says are *marks*
in the output, so the engine keeps them with it, in order; a nonce that no step can guess sets them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ci_bot.core.model import Usage
from ci_bot.executors.docker.script import COUNTED, GROUP
from ci_bot.executors.docker.usage import parse_usage

#: What the gate ends with when nobody can tell it anything any more.
CLOSED_CODE: Final = 125

_LONGEST: Final = 300  # bytes that a mark may take

#: A turn that was taken is not taken again, so whoever is not sure tells it once more. What comes before
#: the first line of a telling was cut off by a killed server. The names are its own, since an image may
#: have given any other to its environment. In a subshell, what goes wrong ends that alone.
_PROGRAM: Final = """\
exec 2>/dev/null
ci_bot_last=0
ci_bot_say() {{
  printf '\\000ci-bot:{nonce}:%s:%s;\\n' "$ci_bot_turn" "$1"
}}
while :; do
  ci_bot_told= ci_bot_turn=0
  while :; do
    IFS= read -r ci_bot_line || exit {closed}
    case $ci_bot_line in
      "{nonce} turn "*) ci_bot_told= ci_bot_turn=${{ci_bot_line##* }} ;;
      "{nonce} go") break ;;
      *) ci_bot_told="$ci_bot_told$ci_bot_line
" ;;
    esac
  done
  [ "$ci_bot_turn" -gt "$ci_bot_last" ] || continue
  ci_bot_last=$ci_bot_turn
  ci_bot_say begun
  (eval "unset ci_bot_last ci_bot_told ci_bot_turn ci_bot_line
$ci_bot_told") 2>&1
  ci_bot_say "$?:$(
{counted}
    ooms=-
    for file in {group}/memory.events {group}/memory/memory.oom_control; do
      [ -r "$file" ] && while read -r name count; do
        [ "$name" = oom_kill ] && ooms=$count
      done <"$file"
    done
    printf '%s %s/%s' "$memory" "$cpu" "$ooms"
  )"
done
"""


def program(nonce: str) -> bytes:
    """The script that the container is started with."""
    return _PROGRAM.format(nonce=nonce, closed=CLOSED_CODE, counted=COUNTED, group=GROUP).encode()


def telling(nonce: str, turn: int, begin: bytes) -> bytes:
    """What the gate is told: the lines of `begin`, for the shell, as this turn."""
    return f"\n{nonce} turn {turn}\n".encode() + begin + f"{nonce} go\n".encode()


@dataclass(frozen=True, slots=True)
class Counters:
    """What the container's control group has counted since it was made; None where it does not say."""

    memory: int | None = 0  # the most bytes at one time, ever
    cpu: float | None = 0.0  # seconds
    ooms: int | None = 0  # processes killed for want of memory


@dataclass(frozen=True, slots=True)
class Mark:
    """A turn began, or with a `code` it ended."""

    turn: int
    code: int | None = None
    counters: Counters = Counters(None, None, None)


class Marks:
    """Takes the marks out of a shared container's output, however it was cut into chunks."""

    def __init__(self, nonce: str) -> None:
        self._start = b"\0ci-bot:%s:" % nonce.encode()
        self._mark = re.compile(
            re.escape(self._start)
            + rb"(?P<turn>\d{1,9}):(?:begun|(?P<code>\d{1,3}):(?P<counted>[^;]*));"
        )
        self._rest = b""
        self._is_after_mark = False

    def feed(self, chunk: bytes) -> Iterator[bytes | Mark]:
        """The output and the marks in it, in order."""
        self._rest += chunk
        while self._rest:
            if self._is_after_mark:
                self._rest = self._rest.removeprefix(b"\n")
                self._is_after_mark = False
                continue
            found = self._mark.search(self._rest)
            if found is None:
                break
            if found.start():
                yield self._rest[: found.start()]
            self._rest = self._rest[found.end() :]
            self._is_after_mark = True
            yield _mark(found)
        whole = len(self._rest) - self._held()
        if whole:
            fresh, self._rest = self._rest[:whole], self._rest[whole:]
            yield fresh

    def end(self) -> bytes:
        """What was held back as the beginning of a mark that never came."""
        rest, self._rest = self._rest, b""
        return rest

    def _held(self) -> int:
        """How many bytes at the end may be the beginning of a mark."""
        start = self._rest.rfind(b"\0", -_LONGEST)
        if start < 0:
            return 0
        rest = self._rest[start:]
        is_one = rest.startswith(self._start) or self._start.startswith(rest)
        return len(rest) if is_one else 0


def used(before: Counters, after: Counters) -> Usage | None:
    """What one turn used: all processor time that was spent in the container meanwhile.

    The group's highest mark of memory is the turn's own only if the turn raised it; else the turn had at
    most that much, and how much is not known.
    """
    cpu, memory = None, None
    if before.cpu is not None and after.cpu is not None:
        cpu = max(0.0, after.cpu - before.cpu)
    if before.memory is not None and after.memory is not None and after.memory > before.memory:
        memory = after.memory
    return None if memory is None and cpu is None else Usage(memory, cpu)


def ran_out(before: Counters, after: Counters) -> bool | None:
    """Whether a process was killed for want of memory in between; None where that is not counted."""
    if before.ooms is None or after.ooms is None:
        return None
    return after.ooms > before.ooms


def _mark(found: re.Match[bytes]) -> Mark:
    turn = int(found["turn"])
    if found["code"] is None:
        return Mark(turn)
    amounts, _, ooms = found["counted"].partition(b"/")
    usage = parse_usage(amounts) or Usage()
    counters = Counters(usage.memory, usage.cpu, int(ooms) if ooms.isdigit() else None)
    return Mark(turn, int(found["code"]), counters)
