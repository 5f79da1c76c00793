"""`ci-bot audit`: who caused what, newest first, from this machine's own data."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from ci_bot.cli.keeping import config_option, repo_option, run, when
from ci_bot.core.plain import plain
from ci_bot.core.tokens import lifetime
from ci_bot.ports import AuditFilter
from ci_bot.settings import load
from ci_bot.wiring.keeping import AuditEntry

NOT_A_TIME: Final = "{!r} is no time; write 12h, 7d, 8w or 1y (ago), or 2026-11-25, or 2026-11-25T14:30"


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> float:
    """Seconds since the epoch, 0 for none; what has no time zone is UTC, as what is shown."""
    if text is None:
        return 0.0
    try:
        ago = lifetime(text)
    except ValueError:
        ago = None
    if ago is not None:
        return time.time() - ago
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(NOT_A_TIME.format(text)) from error
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()


@click.command()
@repo_option
@click.option("--actor", default="", metavar="LOGIN", help="What they caused; of a token: token:NAME.")
@click.option(
    "--action", default="", metavar="WORDS", help='"approve"; "token" for "token create" too.'
)
@click.option("--run", "run_id", default="", metavar="RUN", help="What concerns the run or its commit.")
@click.option("--since", callback=_moment, metavar="TIME", help="12h, 7d, 8w (ago), or a date in UTC.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many lines.")
@click.option("--json", "as_document", is_flag=True, help="One JSON document.")
@config_option
def audit(
    repo: str | None,
    actor: str,
    action: str,
    run_id: str,
    since: float,
    limit: int,
    as_document: bool,
    config: Path | None,
) -> None:
    """Show who caused what, newest first: approvals, commands, tokens, links, uses of secrets."""
    settings = load(config)
    key = run(settings, lambda keeping: keeping.repo(repo)).key if repo else ""
    wanted = AuditFilter(key, actor.removeprefix("@"), action, since, run_id)
    found = run(settings, lambda keeping: keeping.audit(limit, wanted))
    if as_document:
        click.echo(json.dumps([_json(each) for each in found], indent=2, ensure_ascii=False))
        return
    for each in found:
        click.echo(f"{when(each.at)}  {_line(each)}")
    if not found:
        click.echo("nothing is on record", err=True)


def _line(entry: AuditEntry) -> str:
    line = entry.line
    what = " ".join(filter(None, [line.action, line.name, line.detail and f"({line.detail})"]))
    who = f"by {line.actor.login} ({line.permission.name.lower()})"
    where = " ".join(filter(None, [entry.repo, line.sha[:7], line.run, line.job, line.step]))
    return plain(f"{what}  {who}  {where}".rstrip().encode())


def _json(entry: AuditEntry) -> dict[str, Any]:
    """`repository` is its name now, `repository_key` its number on the forge; "" where there is none."""
    line = entry.line
    return {
        "at": datetime.fromtimestamp(entry.at, UTC).isoformat(),
        "action": line.action,
        "actor": line.actor.login,
        "actor_id": line.actor.id,
        "permission": line.permission.name.lower(),
        "repository": entry.repo,
        "repository_key": line.repo_key,
        "commit": line.sha,
        "run": line.run,
        "job": line.job,
        "step": line.step,
        "name": line.name,
        "detail": line.detail,
    }
