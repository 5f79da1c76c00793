"""Tests lie in memory where it has room, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tempdir
from tests.tempdir import WHERE, give_back, take_memory


def test_where_somebody_said_where_it_is_left_to_them() -> None:
    assert take_memory({WHERE: "/somewhere"}) is None


def test_memory_without_room_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempdir, "ROOM", 1 << 60)
    assert take_memory({}) is None


def test_memory_that_is_not_there_is_not_taken(tmp_path: Path) -> None:
    assert take_memory({}, tmp_path / "none") is None


def test_memory_with_room_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempdir, "ROOM", 1)
    assert take_memory({}, tmp_path) == tmp_path


def test_only_memory_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempdir, "MEMORY", tmp_path / "memory")
    for name in ("memory", "disk"):
        (tmp_path / name / "run").mkdir(parents=True)
        give_back(tmp_path / name / "run")
    assert not (tmp_path / "memory" / "run").exists()
    assert (tmp_path / "disk" / "run").exists()
