"""`ci-bot gitlab …`: groups and projects of GitLab get the webhook by which they are heard."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ci_bot.cli.keeping import config_option
from ci_bot.settings import load
from ci_bot.wiring.connecting import Connected, connect


@click.group()
def gitlab() -> None:
    """Connect groups and projects of GitLab with this server."""


@gitlab.command("connect")
@click.argument("name", metavar="GROUP_OR_PROJECT")
@click.option(
    "--renew", is_flag=True, help="With a new token; the old one counts until you take it away."
)
@config_option
def connect_command(name: str, renew: bool, config: Path | None) -> None:
    """Register this server's webhook there, and check what the bot may do.

    NAME is a path like acme or acme/tools/app. A group's webhook (GitLab Premium, Owner) tells of all its
    projects; a project's takes a Maintainer. What GitLab proves itself with is made here, and kept in
    keys_dir/gitlab. Safe to repeat. Exit code 1 if somebody must change something.
    """
    settings = load(config)
    found = asyncio.run(connect(settings, name, renew=renew))
    click.secho(_head(found), fg="green")
    click.echo(f"· the bot's role there is {found.hook.level}, its access token {found.token}")
    for note in found.hook.notes:
        click.echo(f"· {note}")
    for problem in found.problems:
        click.secho(f"✗ {problem}", fg="red")
    if found.is_news:
        where = settings.stored_gitlab
        click.echo(f"next: (re)start ci-bot serve, so that it reads the new token in {where}")
        if renew:
            click.echo(
                "then connect all other groups and projects again, and take the last line away there"
            )
    if found.problems:
        raise click.exceptions.Exit(1)


def _head(found: Connected) -> str:
    hook = found.hook
    done = "is registered" if hook.is_new else "was there, and is up to date"
    how = "signed" if hook.is_signed else "with a plain token"
    kind = "group" if hook.is_group else "project"
    return f"✓ the webhook of the {kind} {hook.where} {done}: {found.hook_url}, {how}"
