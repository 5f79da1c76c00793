"""`ci-bot secret …`: sealed for `.ci.yaml`, or stored on the server; values come in and never go out."""

from __future__ import annotations

import asyncio
import getpass
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import click

from ci_bot.cli.keeping import config_option, repo_option, run, when
from ci_bot.core.model import RunKind
from ci_bot.core.secret_names import refusal_of_name, refusal_of_value, warning_of_value
from ci_bot.core.secret_rules import SecretLimits, StoredSecret
from ci_bot.settings import Settings, load
from ci_bot.wiring.keeping import Keeping, PublicKey, Scope, open_keeping, own_public_key, seal

SERVER_SECONDS = 15.0
EVENTS = [str(kind) for kind in RunKind]

org_option = click.option("--org", metavar="OWNER", help="All repositories of an organisation.")
event_option = click.option(
    "--event", "events", multiple=True, type=click.Choice(EVENTS), help="Only on these events."
)
branch_option = click.option(
    "--branch", "branches", multiple=True, metavar="PATTERN", help="Only on these branches."
)
file_option = click.option(
    "--from-file", "file", type=click.Path(path_type=Path), help="Take the value from a file, as it is."
)


@click.group()
def secret() -> None:
    """Seal secrets for .ci.yaml, or keep them on the server.

    A value is typed, piped in (one line break at its end is dropped), or taken from a file; never from
    an argument, which others on the machine could read.
    """


@secret.command("seal")
@click.argument("name")
@click.option(
    "--repo", required=True, metavar="OWNER/NAME", help="Or FORGE:NUMBER, which works anywhere."
)
@click.option("--key", type=click.Path(path_type=Path), help="The server's public key, from its /keys.")
@click.option("--server", metavar="URL", help="Or ask this server for it.")
@event_option
@branch_option
@file_option
@config_option
def seal_command(
    name: str,
    repo: str,
    key: Path | None,
    server: str | None,
    events: Sequence[str],
    branches: Sequence[str],
    file: Path | None,
    config: Path | None,
) -> None:
    """Encrypt a value for one variable of one repository, to stand in a public .ci.yaml."""
    _check_name(name)
    settings = load(config)
    public = _public_key(settings, key, server)
    forge, number = _number(asyncio.run(_repo_key(settings, repo)))
    value = _value(file)
    sealed = seal(
        value, public, forge=forge, repo_id=number, name=name, events=events, branches=branches
    )
    click.echo(f"sealed with key {public.id} for {forge}:{number}; in .ci.yaml:", err=True)
    click.echo(f'{name}: {{sealed: "{sealed}"}}')


@secret.command("set")
@click.argument("name")
@repo_option
@org_option
@event_option
@branch_option
@click.option(
    "--image", "images", multiple=True, metavar="PATTERN", help="Only to steps in these images."
)
@file_option
@config_option
def set_command(
    name: str,
    repo: str | None,
    org: str | None,
    events: Sequence[str],
    branches: Sequence[str],
    images: Sequence[str],
    file: Path | None,
    config: Path | None,
) -> None:
    """Store a secret, or replace it. Its value is never shown again."""
    _check_name(name)
    settings = load(config)
    scope = run(settings, lambda keeping: _scope(keeping, repo, org))
    value = _value(file)
    limits = SecretLimits(tuple(events), tuple(branches), tuple(images))
    by = getpass.getuser()
    run(settings, lambda keeping: keeping.set(scope, name, value, limits, by))
    click.echo(f"{name} is set for {scope.shown}")


@secret.command("list")
@repo_option
@org_option
@config_option
def list_command(repo: str | None, org: str | None, config: Path | None) -> None:
    """Names, limits and ages of stored secrets; no values."""
    settings = load(config)
    scope = run(settings, lambda keeping: _scope(keeping, repo, org))
    found = run(settings, lambda keeping: keeping.listed(scope))
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo(f"no secrets are stored for {scope.shown}", err=True)


@secret.command("rm")
@click.argument("name")
@repo_option
@org_option
@config_option
def rm_command(name: str, repo: str | None, org: str | None, config: Path | None) -> None:
    """Remove a stored secret. Steps that have it already keep it."""
    settings = load(config)
    scope = run(settings, lambda keeping: _scope(keeping, repo, org))
    if not run(settings, lambda keeping: keeping.remove(scope, name)):
        raise click.ClickException(f"there is no secret {name} for {scope.shown}")
    click.echo(f"{name} is removed from {scope.shown}")


@secret.command("unlock")
@click.option("--repo", required=True, metavar="OWNER/NAME", help="Or FORGE:NUMBER.")
@config_option
def unlock_command(repo: str, config: Path | None) -> None:
    """Confirm a transferred repository: its steps get their secrets again."""
    settings = load(config)
    scope = run(settings, lambda keeping: keeping.repo(repo))
    if not run(settings, lambda keeping: keeping.unlock(scope)):
        raise click.ClickException(f"the secrets of {scope.shown} are not locked")
    click.echo(f"the secrets of {scope.shown} are unlocked")


@secret.command("rotate-key")
@click.option(
    "--lost", is_flag=True, help="Also where a key file is lost for good: give up what it opened."
)
@config_option
def rotate_command(lost: bool, config: Path | None) -> None:
    """Make new keys, encrypt everything stored with them, and list what is to be sealed again.

    The old keys stay in their files, so that nothing stops working. Take their entries out of
    sealing.key and secrets.key once everything is sealed again.
    """
    rotation = run(load(config), lambda keeping: keeping.rotate(lost=lost))
    click.echo(f"stored secrets encrypted again: {rotation.again}")
    click.echo(f"new sealing key: {rotation.public.id}\n  fingerprint {rotation.public.fingerprint}")
    for scope, name in rotation.to_set:
        click.echo(f"to set again: {name} of {scope}")
    for repo, branch, name in rotation.sealed:
        click.echo(f"to seal again: {name} in {repo}, {branch}")
    if not rotation.sealed:
        click.echo("to seal again: nothing that ci-bot has seen")


async def _scope(keeping: Keeping, repo: str | None, org: str | None) -> Scope:
    if bool(repo) == bool(org):
        raise click.UsageError("name a repository with --repo, or an organisation with --org")
    return await (keeping.repo(repo) if repo else keeping.organisation(str(org)))


async def _repo_key(settings: Settings, repo: str) -> str:
    if ":" in repo and "/" not in repo:
        return repo
    async with open_keeping(settings) as keeping:
        return (await keeping.repo(repo)).key


def _number(key: str) -> tuple[str, int]:
    forge, _, number = key.partition(":")
    if not forge or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise click.UsageError(f"--repo {key}: write owner/name, github:NUMBER or gitlab:NUMBER")
    return forge, int(number)


def _check_name(name: str) -> None:
    if refusal := refusal_of_name(name):
        raise click.ClickException(refusal)


def _value(file: Path | None) -> bytes:
    """Raises `ClickException` for what no variable can hold; warns of what cannot be masked."""
    value = _read(file)
    if refusal := refusal_of_value(value):
        raise click.ClickException(refusal)
    if warning := warning_of_value(value):
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    return value


def _read(file: Path | None) -> bytes:
    if file is not None:
        try:
            return file.read_bytes()
        except OSError as error:
            raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error
    if sys.stdin.isatty():
        typed: str = click.prompt("Value", hide_input=True, confirmation_prompt=True)
        return typed.encode()
    data = sys.stdin.buffer.read()
    return data.removesuffix(b"\n").removesuffix(b"\r")


def _public_key(settings: Settings, key: Path | None, server: str | None) -> PublicKey:
    if key is not None:
        try:
            return PublicKey.from_text(key.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{key} cannot be read: {error}") from error
    if server is not None:
        return PublicKey.from_text(_fetched(f"{server.rstrip('/')}/keys"))
    return own_public_key(settings)


def _fetched(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise click.UsageError("--server is the address of a ci-bot, like https://ci.example.com")
    try:
        with urllib.request.urlopen(url, timeout=SERVER_SECONDS) as answer:  # noqa: S310 - checked above
            data: bytes = answer.read(64 * 1024)
    except (URLError, OSError) as error:
        raise click.ClickException(f"{url} does not answer: {error}") from error
    return data.decode("utf-8", "replace")


def _line(each: StoredSecret) -> str:
    limits: list[Any] = [
        ("events", each.limits.events),
        ("branches", each.limits.branches),
        ("images", each.limits.images),
    ]
    only = "; ".join(f"{what}: {', '.join(names)}" for what, names in limits if names) or "everywhere"
    return f"{each.name}  {only}  set {when(each.created_at)} by {each.created_by}"
