"""How long a `.ci.yaml` takes to read: one of 200 jobs, and the worst of those made to hurt."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from threading import Thread

import yaml

from bench.table import CannotMeasure, Result, Target, ms, report, times
from ci_bot.core.occasion import Facts, Occasion
from ci_bot.core.pipeline import plan, read
from ci_bot.core.planned import Plan
from tests.core.pipeline.test_hostile import FULL, HOSTILE

JOBS = 200
ROUNDS = 5
HOSTILE_ROUNDS = 3
TICK_SECONDS = 0.0005
WORST_SECONDS = 5.0
STALL_MS = 100.0  # webhooks are answered by another thread of the same process

ORDINARY = "image: debian:bookworm-slim\njobs:\n" + "".join(
    f"""\
  job{number}:
    needs: [{f"job{number - 1}" if number else ""}]
    timeout: 30m
    env: {{NUMBER: "{number}", COLOUR: always}}
    steps:
      - name: Build
        run: |
          make -C part{number} all
          make -C part{number} check
      - make install
"""
    for number in range(JOBS)
)

CELLS = 256
MATRIX_MS = 200.0
MATRIX = f"""\
jobs:
  test:
    name: "Test ${{{{ matrix.a }}}} on ${{{{ matrix.b }}}}"
    matrix:
      a: {list(range(16))}
      b: {[f"value-{number}" for number in range(16)]}
    env: {{A: "${{{{ matrix.a }}}}", B: "${{{{ matrix.b }}}}"}}
    steps:
      - make install
      - make test A=${{{{ matrix.a }}}}
      - image: "alpine:${{{{ matrix.a }}}}"
        run: make report
"""


@dataclass(frozen=True, slots=True)
class Read:
    """Seconds until a file was read, and for how long no other thread could run meanwhile."""

    taken: float
    stall: float


def measure() -> Result:
    reading = read(ORDINARY.encode(), default_image="alpine")
    if reading.pipeline is None or len(reading.pipeline.jobs) != JOBS:
        raise CannotMeasure(f"the file is not read: {reading.problems[:1]}")
    theirs, ours = [], []
    for _ in range(ROUNDS):
        theirs.append(_seconds(lambda: yaml.safe_load(ORDINARY)))
        ours.append(_seconds(lambda: read(ORDINARY.encode(), default_image="alpine")))
    hostile = {name: _hostile(text.encode()[:FULL]) for name, (text, _) in HOSTILE.items()}
    matrix, loaded = _matrix()
    return _result(median(ours), median(theirs), matrix, loaded, hostile)


def _matrix() -> tuple[float, float]:
    """Seconds to read and plan one job of 256 cells, and to load its file as plain YAML."""
    if len(_planned().jobs) != CELLS:
        raise CannotMeasure(f"the matrix does not become {CELLS} jobs")
    ours = median(_seconds(_planned) for _ in range(ROUNDS))
    return ours, median(_seconds(lambda: yaml.safe_load(MATRIX)) for _ in range(ROUNDS))


def _planned() -> Plan:
    pipeline = read(MATRIX.encode(), default_image="alpine").pipeline
    if pipeline is None:
        raise CannotMeasure("the matrix is not read")
    return plan(pipeline, Occasion(Facts(event="push", branch="main")))


def _result(
    ours: float, theirs: float, matrix: float, loaded: float, hostile: dict[str, Read]
) -> Result:
    slow = sorted(hostile, key=lambda name: hostile[name].taken)[-2:]
    greedy = max(hostile, key=lambda name: hostile[name].stall)
    shown = dict.fromkeys([*reversed(slow), greedy])
    return Result(
        title=f"pipeline: reading a file, ms (medians of {ROUNDS}; hostile ones: best of {HOSTILE_ROUNDS})",
        columns=("", "taken", "others stand still", "ratio"),
        rows=(
            (f"{JOBS} jobs, {len(ORDINARY) / 1024:.0f} KiB, read and checked", ms(ours), "", ""),
            ("the same by yaml.safe_load, unchecked", ms(theirs), "", times(ours / theirs)),
            ("a matrix of 256 cells, read and planned", ms(matrix), "", ""),
            ("the same by yaml.safe_load", ms(loaded), "", times(matrix / loaded)),
            *(
                (f"hostile: {name}", ms(hostile[name].taken), ms(hostile[name].stall), "")
                for name in shown
            ),
        ),
        targets=(
            Target("a matrix of 256 cells, planned", matrix * 1000, MATRIX_MS, "ms"),
            Target("worst hostile file", hostile[slow[-1]].taken, WORST_SECONDS, "s"),
            Target("longest standstill", hostile[greedy].stall * 1000, STALL_MS, "ms"),
        ),
    )


def _hostile(text: bytes) -> Read:
    """The best of some: what else the machine does only ever adds."""
    reads = [_read(text) for _ in range(HOSTILE_ROUNDS)]
    return Read(min(each.taken for each in reads), min(each.stall for each in reads))


def _read(text: bytes) -> Read:
    """Reads in a thread, as the server does, while this one looks how long it is kept waiting."""
    reading = Thread(target=read, args=(text,), kwargs={"default_image": "alpine"})
    stall = 0.0
    began = seen = time.perf_counter()
    reading.start()
    while reading.is_alive():
        time.sleep(TICK_SECONDS)
        now = time.perf_counter()
        stall, seen = max(stall, now - seen), now
    return Read(seen - began, stall)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(report(measure))
