"""`ci-bot queue`: what runs and holds places, and what waits for which of them, from this machine's own data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ci_bot.cli.keeping import config_option, run, when
from ci_bot.core.plain import plain
from ci_bot.core.queueing import Place, Survey, Waiting
from ci_bot.settings import load

MOST_HOLDERS = 5


@click.command()
@click.option("--json", "as_document", is_flag=True, help="One JSON document.")
@config_option
def queue(as_document: bool, config: Path | None) -> None:
    """Show who holds a place and who waits for one, and why; on the server's machine."""
    found = run(load(config), lambda keeping: keeping.queue())
    click.echo(json.dumps(asdict(found), indent=2) if as_document else _shown(found))


def _shown(found: Survey) -> str:
    if not found.places and not found.waiting:
        return "nothing runs and nothing waits"
    lines = [_place(place) for place in found.places] + [_waiting(each) for each in found.waiting]
    return "\n".join(plain(line.encode()) for line in lines)


def _place(place: Place) -> str:
    what = f"{_times(place.job, place.running)} runs" if place.job else "the whole run"
    group = f', holds "{place.group}"' if place.group else ""
    return f"{place.repo}  {place.run} ({place.sha[:7]})  {what}{group}"


def _waiting(each: Waiting) -> str:
    where = f"{each.repo}  {each.run} ({each.sha[:7]})  {_times(each.job, each.ready)}"
    rest = len(each.holders) - MOST_HOLDERS
    more = f" and {rest} more" if rest > 0 else ""
    held = f"; held by {', '.join(each.holders[:MOST_HOLDERS])}{more}" if each.holders else ""
    return f"{where} {each.why}{held}  (since {when(each.since)})"


def _times(job: str, number: int) -> str:
    return f"{job} ({number} cells)" if number > 1 else job
