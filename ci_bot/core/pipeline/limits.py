"""What a `.ci.yaml` may cost: bounds that hold before anything is built from it."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are bytes (of UTF-8 where text is meant), `max_timeout` is seconds. Settings can lower all of them."""

    text: int = 256 * KIB
    nodes: int = 10_000  # keys, values, lists and maps, each alias counted as what it stands for
    depth: int = 40
    jobs: int = 256
    steps: int = 100  # of one job
    script: int = 64 * KIB  # one script, and one environment value
    expanded: int = 4 * MIB  # text once aliases stand for what they name and env is in every step
    max_timeout: int = 6 * 3600
    schedule_interval: int = 300  # seconds, between two moments of one schedule
    max_cpus: float | None = None  # None: the file does not know its server
    max_memory: int | None = None
    max_pids: int | None = None


DEFAULT_LIMITS = Limits()


def size_in_words(size: int) -> str:
    """65536 → "64 KiB"; rounded up, so that what is over a limit never reads as the limit."""
    if size < KIB:
        return f"{size} bytes"
    unit, name = (MIB, "MiB") if size >= MIB else (KIB, "KiB")
    return f"{-(-size // unit)} {name}"


def duration_in_words(seconds: int) -> str:
    """21600 → "6h", in the form that `timeout` takes."""
    for unit, name in ((3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"
