"""What a step's shell says of its use: any bytes in, ours or nothing out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.model import Usage
from ci_bot.executors.docker.usage import Hearing, hearing, parse_usage


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"4608000 42699125\n", Usage(4608000, 0.042699125)),  # control groups v1
        (b"4608000 usage_usec 1500000\n", Usage(4608000, 1.5)),  # v2
        (b"- usage_usec 1500000\n", Usage(None, 1.5)),  # v2 before Linux 5.19
        (b"4608000 -\n", Usage(4608000, None)),
        (b"- -\n", None),
        (b"", None),
        (b"1 1\n2 2000000000\n", Usage(2, 2.0)),
        (b"-1 5\n", None),
        (b"9999999999999999999999 5\n", None),
        ("٣ ٤\n".encode(), None),
    ],
)
def test_what_is_said(said: bytes, expected: Usage | None) -> None:
    assert parse_usage(said) == expected


@given(st.binary(max_size=200))
def test_whatever_is_said_something_or_nothing_is_understood(said: bytes) -> None:
    usage = parse_usage(said)
    assert usage is None or (usage.memory or 0) >= 0


def test_who_says_something_does_not_wait_for_who_hears(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "usage")
    with hearing(tmp_path / "usage") as ear:
        assert ear.heard() is None
        (tmp_path / "usage").write_bytes(b"7 1000000000\n")
        assert ear.heard() == Usage(7, 1.0)
        assert ear.heard() is None


def test_without_a_fifo_nothing_is_heard(tmp_path: Path) -> None:
    ear = Hearing(tmp_path / "usage")
    assert ear.heard() is None
    ear.close()
