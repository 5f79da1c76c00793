"""A disk as it was found → whether it is full, and with whose files."""

from __future__ import annotations

import pytest

from ci_bot.core.disk import Disk, Held, foreign_words, is_own, own_words, who_filled

MIB = 1024**2
GIB = 1024**3


@pytest.mark.parametrize(
    ("disk", "is_full", "is_out"),
    [
        (Disk(100 * GIB, 10 * GIB), False, False),
        (Disk(100 * GIB, 65 * MIB), False, False),
        (Disk(100 * GIB, 60 * MIB), True, False),
        (Disk(256 * MIB, 20 * MIB), False, False),
        (Disk(256 * MIB, 10 * MIB), True, False),
        (Disk(256 * MIB, 0), True, True),
        (Disk(GIB, GIB // 2, files=1000, files_free=900), False, False),
        (Disk(GIB, GIB // 2, files=1000, files_free=3), True, False),
        (Disk(GIB, GIB // 2, files=1000, files_free=0), True, True),
        (Disk(GIB, GIB // 2, files=0, files_free=0), False, False),  # btrfs counts none
    ],
)
def test_when_it_is_full(disk: Disk, is_full: bool, is_out: bool) -> None:
    assert (disk.is_full, disk.is_out) == (is_full, is_out)


def test_it_is_the_jobs_own_doing_where_most_of_it_is() -> None:
    disk = Disk(256 * MIB, 0, files=1000, files_free=0)
    assert is_own(disk, Held(200 * MIB, 1))
    assert not is_own(disk, Held(100 * MIB, 1))
    assert is_own(disk, Held(MIB, 800))
    assert not is_own(Disk(256 * MIB, 0), Held(MIB, 800))


def test_who_filled_it_is_the_heaviest_or_nobody() -> None:
    disk = Disk(256 * MIB, 0)
    assert who_filled(disk, {"a": Held(MIB, 9), "b": Held(200 * MIB, 1)}) == "b"
    assert who_filled(disk, {"a": Held(90 * MIB, 9), "b": Held(100 * MIB, 1)}) is None
    assert who_filled(disk, {}) is None


def test_in_words() -> None:
    assert own_words(Held(2_000_000, 3)) == (
        "the job's own files (2.0 MB) have filled the disk of its workspace"
    )
    assert foreign_words(Disk(2_000_000_000, 1000)) == (
        "the disk of the job's workspace is full (1 kB free of 2,000.0 MB), and not with its own files"
    )
