"""Runs as models in; tables for a terminal, and lines for a pipe, out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

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


def table(runs: Sequence[Run], now: datetime | None = None) -> RenderableType:
    if not runs:
        return Text(NO_RUNS, style="dim")
    made = Table(box=None, header_style="dim", pad_edge=False)
    made.add_column("")
    made.add_column("TITLE", ratio=1, no_wrap=True, overflow="ellipsis", min_width=12)
    made.add_column("REPOSITORY", no_wrap=True, overflow="ellipsis")
    made.add_column("BRANCH", no_wrap=True, overflow="ellipsis")
    made.add_column("EVENT", no_wrap=True, overflow="ellipsis")
    made.add_column("RUN", no_wrap=True, min_width=26)
    made.add_column("TOOK", no_wrap=True, justify="right")
    made.add_column("AGE", no_wrap=True, justify="right")
    for run in runs:
        made.add_row(
            mark(run.status),
            clean(run.title),
            clean(run.repository),
            clean(run.branch),
            run.event,
            run.id,
            took(run.seconds),
            age(run.created_at, now),
        )
    return made


def whole(run: RunDetail, now: datetime | None = None) -> RenderableType:
    """One run with its jobs, and the steps of those that did not succeed."""
    pull = f" #{run.pull}" if run.pull else ""
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
    return Group(head, *mistakes, _jobs(run.jobs)) if run.jobs else Group(head, *mistakes)


def _jobs(jobs: Sequence[Job]) -> Table:
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 1))
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
