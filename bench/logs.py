"""How fast the log writer stores a step's output with 0, 1 and 10 secrets, beside writing a plain file."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from bench.table import Result, Target, figure, report
from ci_bot.archive.logs import FileLogs
from ci_bot.core.model import LogRef

LINE = b"2026-11-02T10:00:00 INFO compiling module foo_bar v1.2.3 (/workspace/src/foo)\n"
CHUNK = (LINE * 1000)[: 64 * 1024]
CHUNKS = 1024  # 64 MiB
ROUNDS = 8
DEFAULT_LIMIT = 16 * 1024**2  # what settings say
NO_LIMIT = 4 * len(CHUNK) * CHUNKS  # up to half the limit is written as it comes
LEAST = 100.0  # MB/s: twice what an attached container gives at most (DESIGN section 5)

#: Where the first bytes of all forms of the secrets are rare in the text, it is skipped through; where
#: they are not, every byte is looked at. The same ten secrets always, so that runs can be compared.
RARE, COMMON = Random(2), Random(0)

Write = Callable[[Path], None]


def measure() -> Result:
    """The best rounds count: memory and disk that are busy with others only ever add to them."""
    ways = _ways()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        for name in _turned(list(ways), number):
            taken[name].append(_timed(ways[name]))
    walls = {name: min(wall for wall, _ in each) for name, each in taken.items()}
    cpus = {name: min(cpu for _, cpu in each) for name, each in taken.items()}
    return _result(walls, cpus)


def _ways() -> dict[str, Write]:
    rare, common = _secrets(RARE), _secrets(COMMON)
    return {
        "plain file": _plain,
        "log, no secret": _log((), NO_LIMIT),
        "log, 1 secret": _log(rare[:1], NO_LIMIT),
        "log, 10 secrets, rare beginnings": _log(rare, NO_LIMIT),
        "log, 10 secrets, common beginnings": _log(common, NO_LIMIT),
        "log, no secret, far beyond the limit": _log((), DEFAULT_LIMIT),
    }


def _result(walls: dict[str, float], cpus: dict[str, float]) -> Result:
    size = len(CHUNK) * CHUNKS / 1e6
    plain = walls["plain file"]
    rows = tuple(
        (name, figure(size / wall), figure(size / cpus[name]), figure(plain / wall))
        for name, wall in walls.items()
    )
    return Result(
        title=f"logs: {size:.0f} MB in pieces of 64 KiB, synced at the end, best of {ROUNDS} rounds",
        columns=("", "MB/s", "MB per CPU second", "ratio to plain"),
        rows=rows,
        targets=(Target("slowest", size / max(walls.values()), LEAST, "MB/s", at_least=True),),
    )


def _secrets(random: Random) -> Sequence[bytes]:
    return [random.randbytes(20).hex().encode() for _ in range(10)]


def _turned(names: Sequence[str], number: int) -> Sequence[str]:
    """Each round begins with another: a disk that is still busy hurts whoever comes next."""
    at = number % len(names)
    return [*names[at:], *names[:at]]


def _timed(write: Write) -> tuple[float, float]:
    """Seconds on the wall and of the processor; the file is removed outside of them."""
    with tempfile.TemporaryDirectory(prefix="ci-bot-bench-") as home:
        wall, cpu = time.perf_counter(), time.process_time()
        write(Path(home))
        return time.perf_counter() - wall, time.process_time() - cpu


def _plain(home: Path) -> None:
    with (home / "plain").open("wb", buffering=0) as file:
        for _ in range(CHUNKS):
            file.write(CHUNK)
        os.fsync(file.fileno())


def _log(secrets: Sequence[bytes], limit: int) -> Write:
    def write(home: Path) -> None:
        log = FileLogs(home, limit=limit).open(LogRef("bench", 0), secrets)
        for _ in range(CHUNKS):
            log.write(CHUNK)
        log.close()

    return write


if __name__ == "__main__":
    sys.exit(report(measure))
