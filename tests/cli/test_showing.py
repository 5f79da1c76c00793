"""Runs on terminals of several widths: the id, the mark and the age are always there, and nothing wraps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from ci_bot.cli import showing
from ci_bot.core.model import RunKind
from ci_bot.core.standing import Standing
from ci_bot.web.api.models import Run

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LONG = "A title that is longer than any terminal of eighty columns would like it to be, 世界 🎉"


def a_run(title: str, repository: str, branch: str) -> Run:
    return Run(
        id="01m8dh6p9wpre4nyvya5a729bw",
        repository=repository,
        forge="github",
        event=RunKind.PULL_REQUEST,
        branch=branch,
        commit="a" * 40,
        pull=3,
        title=title,
        actor="alice",
        status=Standing.FAILED,
        reason="",
        superseded=False,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        seconds=3661.0,
    )


SHORT = a_run("Begin", "acme/web", "main")
WIDE = a_run(LONG, "a-long-organisation/a-long-repository", "feature/with-a-long-name")


def lines(runs: list[Run], width: int) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=True)
    with console.capture() as printed:
        console.print(showing.table(runs, console.width, NOW))
    return printed.get().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("runs", [[SHORT], [WIDE], [SHORT, WIDE]])
def test_a_run_is_one_line_that_fits(runs: list[Run], width: int) -> None:
    head, *rows = lines(runs, width)
    assert len(rows) == len(runs)
    for row in rows:
        assert row.startswith("✗")
        assert SHORT.id in row
        assert row.endswith("0s")
        assert cell_len(row) <= width
    assert "RUN" in head


def test_a_wide_terminal_has_every_column_and_a_narrow_one_the_telling_ones() -> None:
    every = ["TITLE", "REPOSITORY", "BRANCH", "EVENT", "RUN", "TOOK", "AGE"]
    assert lines([SHORT, WIDE], 160)[0].split() == every
    assert lines([WIDE, SHORT], 80)[0].split() == ["TITLE", "REPOSITORY", "RUN", "TOOK", "AGE"]
    assert lines([WIDE], 80)[0].split() == ["TITLE", "BRANCH", "RUN", "TOOK", "AGE"]
    assert lines([], 80) == ["no runs"]
