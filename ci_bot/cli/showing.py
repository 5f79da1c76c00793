"""Runs as models in; tables for a terminal, and lines for a pipe, out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ci_bot.core.manners import numbered
from ci_bot.core.plain import plain
from ci_bot.web.api.models import Job, Run, RunDetail

MARKS: Final = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "timed_out": ("⏱", "red"),
    "broken": ("!", "red"),
    "cancelled": ("∅", "yellow"),
    "skipped": ("-", "yellow"),
    "held": ("⏸", "yellow"),
    "running": ("●", "cyan"),
    "ready": ("○", ""),
    "queued": ("○", ""),
    "waiting": ("○", ""),
}
NO_RUNS: Final = "no runs"
GAP: Final = 2  # between columns
MOST_OF_A_NAME: Final = 14
LEAST_OF_A_TITLE: Final = 20


def console() -> Console:
    """Colours where a person looks, and never in a pipe or with NO_COLOR."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def lines(runs: Sequence[Run]) -> str:
    """Tabs between: id, status, repository, branch, event, commit, created, seconds, title."""
    return "".join(
        "\t".join(
            clean(value)
            for value in (
                run.id,
                run.status,
                run.repository,
                run.branch,
                run.event,
                run.commit,
                run.created_at.isoformat(timespec="seconds"),
                "" if run.seconds is None else f"{run.seconds:.1f}",
                run.title,
            )
        )
        + "\n"
        for run in runs
    )


def table(runs: Sequence[Run], width: int, now: datetime | None = None) -> RenderableType:
    """Each run on one line of at most `width` cells, its mark, title, id and age always among them."""
    if not runs:
        return Text(NO_RUNS, style="dim")
    cells = {
        "": [mark(run.status) for run in runs],
        "TITLE": [Text(clean(run.title)) for run in runs],
        "REPOSITORY": [Text(clean(run.repository)) for run in runs],
        "BRANCH": [Text(clean(run.branch)) for run in runs],
        "EVENT": [Text(run.event) for run in runs],
        "RUN": [Text(run.id) for run in runs],
        "TOOK": [Text(took(run.seconds), justify="right") for run in runs],
        "AGE": [Text(age(run.created_at, now), justify="right") for run in runs],
    }
    widths = _widths(cells, width, one_repository=len({run.repository for run in runs}) == 1)
    made = Table(box=None, header_style="dim", pad_edge=False, padding=(0, GAP, 0, 0))
    for name in widths:
        made.add_column(name, width=widths[name], no_wrap=True, overflow="ellipsis")
    for row in zip(*(cells[name] for name in widths), strict=True):
        made.add_row(*row)
    return made


def _widths(
    cells: Mapping[str, Sequence[Text]], width: int, *, one_repository: bool
) -> Mapping[str, int]:
    """Column → its cells. Where there is no room, the least telling columns go, and the title is cut."""
    wanted = {
        name: max(len(name), *(cell.cell_len for cell in column)) for name, column in cells.items()
    }
    for name in ("REPOSITORY", "BRANCH"):
        wanted[name] = min(wanted[name], max(MOST_OF_A_NAME, width // 6))
    least_telling = ["TOOK", "BRANCH", "EVENT"]
    least_telling.insert(2 if one_repository else 0, "REPOSITORY")
    while least_telling and _left(wanted, width) < min(wanted["TITLE"], LEAST_OF_A_TITLE):
        del wanted[least_telling.pop()]
    return wanted | {"TITLE": max(1, min(wanted["TITLE"], _left(wanted, width)))}


def _left(widths: Mapping[str, int], width: int) -> int:
    """What all columns but the title leave to it."""
    return width - sum(size + GAP for name, size in widths.items() if name != "TITLE")


def whole(run: RunDetail, now: datetime | None = None) -> RenderableType:
    """One run with its jobs, and the steps of those that did not succeed."""
    pull = f" {numbered(run.forge, run.pull)}" if run.pull else ""
    head = Text.assemble(
        mark(run.status),
        " ",
        (clean(run.title) or clean(run.branch), "bold"),
        f"\n  {clean(run.repository)}{pull} {clean(run.branch)} {run.commit[:7]}",
        f"\n  {run.event} by {clean(run.actor)}, {age(run.created_at, now)} ago, run {run.id}",
        f"\n  {run.status}" + (f": {clean(run.reason)}" if run.reason else ""),
    )
    mistakes = [
        Text(
            clean(f"  {each.file}:{each.line}:{each.column}: {each.message}; {each.hint}".rstrip("; "))
        )
        for each in run.problems
    ]
    jobs = [Padding(_jobs(run.jobs), (0, 0, 0, 2))] if run.jobs else []
    return Group(head, *mistakes, *jobs)


def _jobs(jobs: Sequence[Job]) -> Table:
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column()
    made.add_column()
    made.add_column(justify="right")
    for job in jobs:
        again = f" (attempt {job.attempt})" if job.attempt > 1 else ""
        made.add_row(
            mark(job.status), clean(job.name) + again, took(job.seconds), job.status, clean(job.reason)
        )
    return made


def change(job: Job) -> str:
    """One line about a job whose status is another one now."""
    reason = f" ({clean(job.reason)})" if job.reason else ""
    return f"{clean(job.name)}: {job.status}{reason}"


def mark(status: str) -> Text:
    sign, colour = MARKS.get(status, ("?", ""))
    return Text(sign, style=colour)


def clean(text: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return plain(text.encode("utf-8", "replace")).replace("\n", " ").replace("\t", " ")


def took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def age(then: datetime, now: datetime | None = None) -> str:
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
