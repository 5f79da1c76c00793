"""A run as it goes, line by line with the job's name before it; its summary; its JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import cycle
from typing import Any, Final

import click

from ci_bot.core.errors import StoreError
from ci_bot.core.extra_words import lines as lines_of_extras
from ci_bot.core.extras import Coverage, TestCounts
from ci_bot.core.model import JobRun, LogRef, Run, StepRun
from ci_bot.core.plain import plain
from ci_bot.core.standing import Standing, standing
from ci_bot.core.states import Status, fold
from ci_bot.core.words import attempt_words
from ci_bot.flow.bell import Bell
from ci_bot.ports import LogSink, Runs

NET_SECONDS: Final = 1.0  # how often to look where nobody wrote
COLOURS: Final = ("cyan", "magenta", "yellow", "blue", "green", "bright_cyan", "bright_magenta")
MARKS: Final = {
    Status.SUCCEEDED: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.TIMED_OUT: ("⏱", "red"),
    Status.CANCELLED: ("∅", "yellow"),
    Status.SKIPPED: ("-", "yellow"),
    Status.BROKEN: ("!", "red"),
}


class Live:
    """Prints what steps write as they write it; several jobs at once stay apart by their prefix."""

    def __init__(self, runs: Runs, written: Bell, logs: LogSink, *, quiet: bool) -> None:
        self._runs = runs
        self._written = written
        self._logs = logs
        self._quiet = quiet
        self._followers: dict[LogRef, asyncio.Task[None]] = {}
        self._colours = cycle(COLOURS)
        self._prefixes: dict[str, str] = {}

    async def watch(self, run_id: str) -> Run:
        """Returns the run when every job of it has ended and all they wrote is printed."""
        while True:
            run = await self._runs.run(run_id)
            if run is None:
                raise StoreError(f"run {run_id} is gone from the database")
            if not self._quiet:
                self._follow(await self._runs.attempts(run_id))
            if all(job.status.is_final for job in run.jobs):
                await asyncio.gather(*self._followers.values())
                return run
            await self._written.wait(NET_SECONDS)

    def _follow(self, attempts: Sequence[JobRun]) -> None:
        width = max((len(job.name) for job in attempts), default=0)
        last: dict[str, LogRef] = {}  # job's key → the step that speaks before the next one
        for job in attempts:
            for step in job.steps:
                log = LogRef(job.id, step.index)
                if step.started_at is None:
                    continue
                if log not in self._followers:
                    before = self._followers.get(last[job.key]) if job.key in last else None
                    again = attempt_words(job) if step.index == 0 else ""
                    self._followers[log] = asyncio.create_task(
                        self._print(log, self._prefix(job, width), step, again, before)
                    )
                last[job.key] = log

    def _prefix(self, job: JobRun, width: int) -> str:
        if job.key not in self._prefixes:
            self._prefixes[job.key] = click.style(f"{job.name:<{width}} │ ", fg=next(self._colours))
        return self._prefixes[job.key]

    async def _print(
        self,
        log: LogRef,
        prefix: str,
        step: StepRun,
        again: str,
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:
            await before
        if again:
            click.echo(f"{prefix}[ci-bot] {again}")
        click.echo(prefix + click.style(f"$ {step.name}", bold=True))
        rest = b""
        async for chunk in self._logs.follow(log):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                click.echo(prefix + plain(line))
        if rest:
            click.echo(prefix + plain(rest))
        sys.stdout.flush()


def summary(run: Run) -> str:
    """One line for each job, then the verdict."""
    width = max((len(job.name) for job in run.jobs), default=0)
    lines = ["", *(line for job in run.jobs for line in (_job_line(job, width), *_extra_lines(job)))]
    colour = "green" if has_passed(run) else "red"
    return "\n".join([*lines, "", click.style(_verdict(run), fg=colour, bold=True)])


def _verdict(run: Run) -> str:
    if not has_passed(run):
        failed = sum(job.is_bad and not job.excluded for job in run.jobs)
        return f"{failed} of {len(run.jobs)} jobs did not pass"
    skipped = sum(job.status is Status.SKIPPED for job in run.jobs)
    if skipped == len(run.jobs):
        return "nothing to run"
    return f"{len(run.jobs) - skipped} jobs passed, {skipped} skipped" if skipped else "all jobs passed"


def has_passed(run: Run) -> bool:
    """What was skipped by a condition, and for want of a job that was, fails nothing."""
    return standing(run) in (Standing.SUCCEEDED, Standing.SKIPPED)


def _job_line(job: JobRun, width: int) -> str:
    mark, colour = MARKS[job.status]
    seconds = _seconds(job.started_at, job.finished_at)
    took = f"{seconds:6.1f} s" if seconds is not None else "        "
    words = ", ".join(filter(None, [job.reason, attempt_words(job)]))
    reason = f"  {words}" if words else ""
    return f"{click.style(mark, fg=colour)} {job.name:<{width}} {took}  {job.status}{reason}"


def _extra_lines(job: JobRun) -> list[str]:
    """Caches, artifacts and tests; of these the failing ones by name."""
    failures = job.extras.tests.failures if job.extras.tests else ()
    shown = [
        *lines_of_extras(job),
        *(f"✗ {test.name}: {_first_line(test.message)}" for test in failures),
    ]
    return [f"    {plain(line.encode('utf-8', 'replace'))}" for line in shown]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def as_json(run: Run) -> dict[str, Any]:
    """`{"status", "sha", "event", "jobs": [{"id", "name", "status", "attempt", "reason", "seconds", "tests",
    "coverage", "steps"}]}`: tests and coverage as in the server's API, null where the job reports none.
    """
    return {
        "status": str(fold(job.status for job in run.jobs)),
        "sha": run.sha,
        "event": str(run.kind),
        "jobs": [
            {
                "id": job.key,
                "name": job.name,
                "status": str(job.status),
                "attempt": job.attempt,
                "reason": job.reason,
                "seconds": _seconds(job.started_at, job.finished_at),
                "tests": _tests_json(job.extras.tests),
                "coverage": _coverage_json(job.extras.coverage),
                "steps": [_step_json(step) for step in job.steps],
            }
            for job in run.jobs
        ],
    }


def _tests_json(tests: TestCounts | None) -> dict[str, Any] | None:
    if tests is None:
        return None
    shown = ("total", "failed", "skipped", "failures", "notes")
    return {name: value for name, value in asdict(tests).items() if name in shown}


def _coverage_json(coverage: Coverage | None) -> dict[str, Any] | None:
    return None if coverage is None else {"percent": coverage.percent, "notes": list(coverage.notes)}


def _step_json(step: StepRun) -> dict[str, Any]:
    return {
        "name": step.name,
        "status": str(step.status),
        "exit_code": step.exit_code,
        "reason": step.reason,
        "seconds": _seconds(step.started_at, step.finished_at),
    }


def _seconds(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)
