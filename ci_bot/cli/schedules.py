"""`ci-bot schedules`: what starts by itself, when next, and what became of the last time; from this machine's data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ci_bot.cli.keeping import config_option, repo_option, run
from ci_bot.core.plain import plain
from ci_bot.core.scheduling import Timed, due_words, moment
from ci_bot.settings import load


@click.command()
@repo_option
@click.option("--json", "as_document", is_flag=True, help="One JSON document.")
@config_option
def schedules(repo: str | None, as_document: bool, config: Path | None) -> None:
    """Show the schedules in the default branches' files: when they are due, and why one is paused."""
    settings = load(config)
    key = run(settings, lambda keeping: keeping.repo(repo)).key if repo else None
    found = run(settings, lambda keeping: keeping.schedules(key))
    if as_document:
        click.echo(json.dumps([_json(each) for each in found], indent=2, ensure_ascii=False))
        return
    for each in found:
        click.echo(plain(_lines(each).encode()))
    if not found:
        click.echo("no default branch's file has schedules", err=True)


def _lines(timed: Timed) -> str:
    brought = f"line {timed.line} at {timed.sha[:7]}, by @{timed.actor.login}"
    first = f'{timed.repo.name}  "{timed.cron}" of {timed.runs_on}  ({brought})'
    last = "not run yet"
    if timed.last_due is not None:
        run_id = f" ({timed.run})" if timed.run else ""
        last = f"last {moment(timed.last_due)}: {timed.outcome}{run_id}"
    return f"{first}\n  {due_words(timed)}\n  {last}"


def _json(timed: Timed) -> dict[str, Any]:
    """`run` is what the last tick started, "" for nothing."""
    return {
        "repository": timed.repo.name,
        "repository_key": timed.repo.key,
        "cron": timed.cron,
        "branch": timed.runs_on,
        "line": timed.line,
        "commit": timed.sha,
        "actor": timed.actor.login,
        "next": _iso(timed.due_at),
        "last": None if timed.last_due is None else _iso(timed.last_due),
        "outcome": timed.outcome,
        "run": timed.run,
        "paused": timed.paused,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
