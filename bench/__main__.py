"""`python -m bench [name…]`: the named benchmarks, or all; ends with 1 if a target was missed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench import (
    commands,
    first_line,
    install,
    isolation,
    live,
    logs,
    long_log,
    parallel,
    pipeline,
    step,
    store,
    webhook,
)
from bench.table import Measure, report

BENCHES: dict[str, Measure] = {
    "webhook": webhook.measure,
    "first_line": first_line.measure,
    "commands": commands.measure,
    "install": install.measure,
    "live": live.measure,
    "step": step.measure,
    "isolation": isolation.measure,
    "parallel": parallel.measure,
    "logs": logs.measure,
    "long_log": long_log.measure,
    "store": store.measure,
    "pipeline": pipeline.measure,
}


def main(names: Sequence[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    return max([report(BENCHES[name]) for name in names or BENCHES])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
