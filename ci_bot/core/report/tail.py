"""Which logs' ends are shown, and the last bytes of one (masked already) → bounded plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ci_bot.core.gate import newest_head
from ci_bot.core.markdown import clip
from ci_bot.core.model import LogRef, Run
from ci_bot.core.plain import plain
from ci_bot.core.words import has_failed

#: How many bytes from a log's end are worth reading for `tail`.
TAIL_BYTES: Final = 16 * 1024
LINE_LENGTH: Final = 500
MAX_TAILS: Final = 20


def wanted_tails(runs: Sequence[Run]) -> tuple[LogRef, ...]:
    """The logs to read the last `TAIL_BYTES` of, for `checks` or `comment` on the same runs."""
    one_commit = len({run.sha for run in runs}) <= 1
    shown = runs if one_commit else newest_head(runs)
    wanted = [
        LogRef(job.id, step.index)
        for run in sorted(shown, key=lambda run: run.superseded)
        for job in run.jobs
        for step in job.steps
        if has_failed(step) and step.log_bytes
    ]
    return tuple(wanted[:MAX_TAILS])


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log. `is_whole`: the log is not longer than this."""

    text: str
    lines: int
    is_whole: bool


def tail(data: bytes, log_bytes: int, lines: int, limit: int) -> Tail:
    """At most `lines` lines and `limit` bytes of UTF-8 from the end of a log of `log_bytes` bytes."""
    is_from_start = len(data) >= log_bytes
    every = plain(data if is_from_start else _whole_lines(data)).rstrip("\n").split("\n")
    kept = _that_fit([clip(line, LINE_LENGTH) for line in every[-lines:]], limit)
    is_whole = is_from_start and len(kept) == len(every)
    return Tail("\n".join(kept), len(kept), is_whole)


def _whole_lines(data: bytes) -> bytes:
    """Without the rest of a line that began before `data`, unless there is nothing else."""
    return data.partition(b"\n")[2] or data


def _that_fit(lines: list[str], limit: int) -> list[str]:
    for index in range(len(lines) - 1, -1, -1):
        limit -= len(lines[index].encode()) + 1
        if limit < 0:
            return lines[index + 1 :]
    return lines
