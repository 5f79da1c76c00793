"""`ci-bot app …`: the GitHub App, made in the browser and kept in line with this server."""

from __future__ import annotations

import asyncio
import errno
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from aiohttp import web

from ci_bot.cli.keeping import config_option
from ci_bot.core.errors import SettingsError
from ci_bot.core.registration import LINK_SECONDS, MadeApp
from ci_bot.settings import GitHubSettings, Settings, load
from ci_bot.wiring.registering import (
    OpenRegistration,
    Wanted,
    open_registration,
    settings_lines,
    sync_app,
)

FINISH_SECONDS: Final = 5.0  # for the page that tells the browser
_URLS: Final = {name: str(GitHubSettings.model_fields[name].default) for name in ("api_url", "web_url")}


@click.group()
def app() -> None:
    """Make the GitHub App in your browser, or bring it in line with this server."""


@app.command("create")
@click.option("--org", metavar="NAME", default="", help="The organisation that is to own the App.")
@click.option("--personal", is_flag=True, help="Instead: your own account.")
@click.option("--name", default="", help="Of the App; unique on GitHub.  [default: ci-bot-ORG]")
@click.option("--web-url", metavar="URL", help="Of an Enterprise Server: https://HOST.")
@click.option("--api-url", metavar="URL", help="Of its API.  [default: WEB_URL/api/v3]")
@click.option("--force", is_flag=True, help="In place of an App that is set up already.")
@config_option
def create_command(
    org: str,
    personal: bool,
    name: str,
    web_url: str | None,
    api_url: str | None,
    force: bool,
    config: Path | None,
) -> None:
    """Make the GitHub App, and store its id, key and webhook secret.

    Prints a link for your browser, and serves the pages behind it where the server listens (host, port,
    public_url) until the App is stored. Stop the server meanwhile; its running containers go on.
    """
    if bool(org) == personal:
        raise click.UsageError("say --org NAME, or --personal for your own account")
    settings = load(config)
    web_at, api_at = _addresses(settings, web_url, api_url)
    wanted = Wanted(org, name, web_at, api_at, replace=force)
    made = asyncio.run(_create(settings, wanted))
    click.secho(f"✓ the App {made.slug} (number {made.id}) is made", fg="green")
    click.echo(f"{settings.stored_app} holds its key and secret; these settings say the same:\n")
    click.echo(settings_lines(settings, made, wanted))
    if settings.github is not None:
        click.secho("the [github] in your settings wins: put these lines in its place", fg="yellow")
    click.echo(f"next: ci-bot serve, then install the App: {made.install_url}")


@app.command("sync")
@config_option
def sync_command(config: Path | None) -> None:
    """Move the App's webhook to this server's public_url, and compare what the App may do.

    Exit code 1 if an owner of the App must change or accept something.
    """
    found = asyncio.run(sync_app(load(config)))
    if found.moved_from is None:
        click.echo(f"✓ the webhook of {found.slug} goes to {found.hook_url}")
    else:
        click.echo(f"✓ the webhook of {found.slug} moved from {found.moved_from} to {found.hook_url}")
    for note in found.notes:
        click.echo(f"· {note}")
    for problem in found.problems:
        click.secho(f"✗ {problem}", fg="red")
    if found.problems:
        raise click.exceptions.Exit(1)
    click.echo("✓ permissions and events are those that ci-bot needs")


def _addresses(settings: Settings, web_url: str | None, api_url: str | None) -> tuple[str, str]:
    """Of GitHub's pages and its API: as given, else as set, else github.com."""
    for option, url in (("--web-url", web_url), ("--api-url", api_url)):
        if url is not None and not url.startswith(("https://", "http://")):
            raise click.UsageError(f"{option}: {url} must begin with https://")
    if web_url is not None:
        web_url = web_url.rstrip("/")
        return web_url, (api_url or f"{web_url}/api/v3").rstrip("/")
    if api_url is not None:
        raise click.UsageError("--api-url needs --web-url beside it")
    known = settings.github
    return (known.web_url, known.api_url) if known else (_URLS["web_url"], _URLS["api_url"])


async def _create(settings: Settings, wanted: Wanted) -> MadeApp:
    async with open_registration(settings, wanted) as opened:
        runner = web.AppRunner(opened.app, access_log=None, shutdown_timeout=FINISH_SECONDS)
        await runner.setup()
        try:
            await _listen(runner, settings)
            _tell(settings, wanted, opened)
            async with asyncio.timeout(LINK_SECONDS):
                return await opened.registration.stored
        except TimeoutError:
            raise click.ClickException(
                "nobody finished the set-up within an hour; run this again for a new link"
            ) from None
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        problem = (
            f"port: {settings.port} is in use, by the server perhaps; stop it while the App is made (what "
            "it runs goes on, and the next server takes it up)"
        )
        raise SettingsError([problem]) from error


def _tell(settings: Settings, wanted: Wanted, opened: OpenRegistration) -> None:
    who = f"an owner of {wanted.org}" if wanted.org else "the App's owner"
    until = datetime.fromtimestamp(datetime.now(UTC).timestamp() + LINK_SECONDS, UTC)
    click.echo(
        f"Open this in a browser that is signed in to {wanted.web_url} as {who}; it opens once:\n"
    )
    click.echo(f"  {opened.link}\n")
    click.echo(
        f"{settings.public_url} must lead to port {settings.port} of {settings.host}, here. Waiting until "
        f"{until:%H:%M} UTC; Ctrl-C ends it and changes nothing."
    )
