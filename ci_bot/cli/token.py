"""`ci-bot token …`: tokens of the API, made, listed and revoked on the server's own data."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ci_bot.cli.keeping import config_option, run, when
from ci_bot.cli.showing import clean
from ci_bot.core.tokens import DEFAULT_LIFETIME, NEVER, ApiToken, TokenScope, lifetime
from ci_bot.settings import load
from ci_bot.wiring.issuing import ListedToken
from ci_bot.wiring.keeping import Keeping


@click.group()
def token() -> None:
    """Make, list and revoke tokens for the API, on the machine where the server runs."""


@token.command("create")
@click.option("--name", required=True, metavar="NAME", help="Who or what will use it: for the audit.")
@click.option(
    "--repo", "repos", required=True, multiple=True, metavar="OWNER/NAME", help="May be repeated."
)
@click.option(
    "--scope",
    type=click.Choice([str(each) for each in TokenScope]),
    default=str(TokenScope.READ),
    show_default=True,
    help="write: also to retry and cancel. No token approves.",
)
@click.option(
    "--expires",
    default=DEFAULT_LIFETIME,
    show_default=True,
    metavar="TIME",
    help=f"12h, 90d, 8w, 1y or {NEVER}.",
)
@config_option
def create_command(
    name: str, repos: Sequence[str], scope: str, expires: str, config: Path | None
) -> None:
    """Make a token and print it: this once, it is kept nowhere."""
    try:
        seconds = lifetime(expires)
    except ValueError as error:
        raise click.UsageError(f"--expires {error}") from error

    async def work(keeping: Keeping) -> tuple[str, ApiToken]:
        keys = [(await keeping.repo(repo)).key for repo in repos]
        return await keeping.tokens.create(name, TokenScope(scope), keys, seconds, getpass.getuser())

    text, made = run(load(config), work)
    click.echo(f"token {made.name}: {scope} for {', '.join(repos)}, {_until(made)}", err=True)
    click.echo("it is shown this once; keep it in a file that only its user can read", err=True)
    click.echo(text)


@token.command("list")
@click.option("--json", "as_document", is_flag=True, help="One JSON document.")
@config_option
def list_command(as_document: bool, config: Path | None) -> None:
    """Tokens that were not revoked: what they may, until when, and when they were last used."""

    async def work(keeping: Keeping) -> Sequence[ListedToken]:
        return await keeping.tokens.listed()

    found = run(load(config), work)
    if as_document:
        click.echo(json.dumps([_json(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo("there are no tokens", err=True)


@token.command("revoke")
@click.argument("name")
@config_option
def revoke_command(name: str, config: Path | None) -> None:
    """Revoke a token: it is refused from the next request on."""

    async def work(keeping: Keeping) -> ApiToken | None:
        return await keeping.tokens.revoke(name, getpass.getuser())

    if run(load(config), work) is None:
        raise click.ClickException(f"there is no token {clean(name)}")
    click.echo(f"token {name} is revoked")


def _line(each: ListedToken) -> str:
    kept = each.token
    used = f"used {when(kept.used_at)}" if kept.used_at is not None else "never used"
    made = f"made {when(kept.created_at)} by {kept.created_by}"
    return f"{kept.name}  {kept.scope}  {', '.join(each.repos)}  {_until(kept)}  {used}  {made}"


def _until(kept: ApiToken) -> str:
    return "never expires" if kept.expires_at is None else f"until {when(kept.expires_at)}"


def _json(each: ListedToken) -> dict[str, Any]:
    """`{"name", "scope", "repositories", "created_at", "created_by", "expires_at", "used_at"}`."""
    kept = each.token
    return {
        "name": kept.name,
        "scope": str(kept.scope),
        "repositories": list(each.repos),
        "created_at": _moment(kept.created_at),
        "created_by": kept.created_by,
        "expires_at": _moment(kept.expires_at),
        "used_at": _moment(kept.used_at),
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
