"""What one step may use of the machine, and what the executor may ask of the engine at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ci_bot.core.planned import Resources

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each step: `memory` and `log` in bytes, `cpus` in cores, `pids` in processes and threads.

    `log` bounds what the engine keeps of one step's output; beyond it, a restart of the server may
    lose the beginning. `starts` and `pulls` are containers started and images pulled at once;
    `cleanup` is how many seconds leaving a session may take.
    """

    memory: int = 4 * GIB
    cpus: float = 2.0
    pids: int = 512
    log: int = GIB
    starts: int = 4
    pulls: int = 2
    cleanup: float = 20.0

    def of(self, asked: Resources) -> Limits:
        """As a job asks; what it may ask for was checked when it was read."""
        return replace(
            self,
            memory=asked.memory or self.memory,
            cpus=asked.cpu or self.cpus,
            pids=asked.pids or self.pids,
        )


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The engine's names of OCI runtimes; "" is its own default.

    `outsiders` runs what people without write access wrote, whoever approved it: a kernel is a thin wall
    to share with a stranger. https://docs.docker.com/engine/daemon/alternative-runtimes/
    """

    default: str = ""
    outsiders: str = ""

    def of(self, *, is_outsiders: bool) -> str:
        return self.outsiders or self.default if is_outsiders else self.default
