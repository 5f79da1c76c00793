"""`ci-bot audit`: who caused what, newest first, from this machine's own data."""

from __future__ import annotations

from pathlib import Path

import click

from ci_bot.cli.keeping import config_option, repo_option, run, when
from ci_bot.core.decisions import AuditLine
from ci_bot.core.plain import plain
from ci_bot.settings import load


@click.command()
@repo_option
@click.option("--limit", default=50, show_default=True, help="How many lines.")
@config_option
def audit(repo: str | None, limit: int, config: Path | None) -> None:
    """Show who caused what, newest first: approvals, commands, uses of secrets."""
    settings = load(config)
    scope = run(settings, lambda keeping: keeping.repo(repo)) if repo else None
    for at, line in run(settings, lambda keeping: keeping.audit(limit, scope)):
        click.echo(f"{when(at)}  {_line(line)}")


def _line(line: AuditLine) -> str:
    what = " ".join(filter(None, [line.action, line.name, line.detail and f"({line.detail})"]))
    who = f"by {line.actor.login} ({line.permission.name.lower()})"
    where = " ".join(filter(None, [line.repo_key, line.sha[:7], line.run, line.job, line.step]))
    return f"{what}  {who}  {plain(where.encode())}"
