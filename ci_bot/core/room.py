"""How much of a disk is free → whether new jobs may start, and the words for those who wait and who mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

GIB: Final = 1024**3
MIB: Final = 1024**2

#: A pause ends only with this much more free than began it, or jobs would start and stop by turns.
SLACK: Final = 1.25


@dataclass(frozen=True, slots=True)
class Mark:
    """So many bytes must be free where a setting points to, else no new job starts; 0: whatever is."""

    setting: str  # "data_dir"
    path: str
    low: int

    @property
    def high(self) -> int:
        return int(self.low * SLACK)


@dataclass(frozen=True, slots=True)
class Shortage:
    mark: Mark
    free: int  # bytes


def shortages(disks: Iterable[tuple[Mark, int]], *, is_paused: bool) -> tuple[Shortage, ...]:
    """Each mark with what is free there → those that are too low for a new job.

    While new jobs wait already, the higher mark counts.
    """
    return tuple(
        Shortage(mark, free) for mark, free in disks if free < (mark.high if is_paused else mark.low)
    )


def for_waiting(short: Sequence[Shortage]) -> str:
    """For the people of a repository, who see no path of the server's; "" where nothing is short."""
    if not short:
        return ""
    return (
        "New jobs wait: the disk of the ci-bot server is nearly full. What runs goes on, and they start by "
        "themselves when there is room. The people who run ci-bot can see the reason on its page /readyz"
    )


def for_operator(short: Sequence[Shortage]) -> str:
    """What, where and the remedy, in one line."""
    found = "; ".join(
        f"{in_words(one.free)} free for {one.mark.setting} ({one.mark.path}), new jobs go on at "
        f"{in_words(one.mark.high)}"
        for one in short
    )
    return (
        f"no new job starts: {found}. Remove what nobody needs (docker image prune; lower logs_total, "
        "artifacts_total or caches_total under [retention]), or enlarge the disk; running jobs go on"
    )


def in_words(size: int) -> str:
    """0.4 GiB, 12 MiB."""
    return f"{size / GIB:.1f} GiB" if size >= GIB // 10 else f"{size // MIB} MiB"
