"""`ci-bot app`: a set-up that is served until its App is stored; a stored App brought in line."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from ci_bot.core.errors import SettingsError
from ci_bot.core.registration import MadeApp, is_org, name_for
from ci_bot.flow.registration import Registration
from ci_bot.forges.github import AppMaker, AppSync, hook_url, open_session
from ci_bot.settings import APP_FILE, KEY_FILE, SECRET_FILE, GitHubSettings, Settings
from ci_bot.system import SystemClock
from ci_bot.web.setup import Setup, link_path, make_setup_app
from ci_bot.wiring.forges import open_github
from ci_bot.wiring.private_files import check_address, give_to_owner, sync_directory, write

NO_APP: Final = "github: is missing; `ci-bot app create --org NAME` makes the App in your browser"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The App that is to be made; `org` "" is whoever is signed in, `name` "" a name of our choice."""

    org: str
    name: str
    web_url: str
    api_url: str
    replace: bool = False  # an App that is known already


@dataclass(frozen=True, slots=True)
class OpenRegistration:
    """`app` is to be served until `registration.stored` is done; `link` is for the operator's browser."""

    app: web.Application
    registration: Registration
    link: str


@asynccontextmanager
async def open_registration(settings: Settings, wanted: Wanted) -> AsyncIterator[OpenRegistration]:
    """Raises `SettingsError` for everything that would make the set-up fail at its end."""
    _check(settings, wanted)
    name = wanted.name or name_for(wanted.org)
    clock = SystemClock()
    async with open_session(settings.ca_file, settings.proxy) as session:
        maker = AppMaker(
            public_url=settings.public_url,
            web_url=wanted.web_url,
            api_url=wanted.api_url,
            org=wanted.org,
            name=name,
            session=session,
            clock=clock,
        )
        keep, new_secret = partial(store_app, settings, wanted), partial(secrets.token_urlsafe, 32)
        registration = Registration(maker, keep, clock, new_secret)
        setup = Setup(
            owner=wanted.org or "your own, as whoever is signed in there",
            name=name,
            web_url=wanted.web_url,
            hook_url=hook_url(settings.public_url),
            is_https=settings.public_url.startswith("https://"),
        )
        link = settings.public_url + link_path(registration.link)
        yield OpenRegistration(make_setup_app(registration, setup), registration, link)


async def sync_app(settings: Settings) -> AppSync:
    """Raises `SettingsError` where there is no App, `ForgeError` where GitHub does not do it."""
    if settings.github is None:
        raise SettingsError([NO_APP])
    check_address(settings, settings.github.web_url)
    async with AsyncExitStack() as stack:
        github = await open_github(stack, settings, settings.github, SystemClock(), lambda _: None)
        return await github.sync(settings.public_url)


def settings_lines(settings: Settings, made: MadeApp, wanted: Wanted) -> str:
    """The `[github]` table that says the same as the stored files."""
    folder = settings.stored_app
    return (
        f"[github]\napp_id = {made.id}\n"
        f'private_key_file = "{folder / KEY_FILE}"\n'
        f'webhook_secret_file = "{folder / SECRET_FILE}"\n'
    ) + _urls(wanted)


def store_app(settings: Settings, wanted: Wanted, made: MadeApp) -> None:
    """All of it or nothing, for nobody but the server's user. An App that is there is never overwritten:
    replaced, it is kept beside it.
    """
    folder = settings.stored_app
    files = {
        APP_FILE: f"app_id = {made.id}\n{_urls(wanted)}",
        KEY_FILE: made.private_key,
        SECRET_FILE: made.webhook_secret + "\n",
    }
    try:
        fresh = Path(tempfile.mkdtemp(prefix="github-app.", dir=settings.keys))  # mode 0700
        try:
            for name, text in files.items():
                write(fresh / name, text)
            give_to_owner(fresh, settings.keys)
            if wanted.replace and folder.exists():
                folder.rename(folder.with_name(f"github-app.replaced-{int(time.time())}"))
            fresh.rename(folder)  # fails where another App was stored meanwhile
            sync_directory(settings.keys)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        problem = f"the App {made.slug} is made, but {folder} cannot be written: {error.strerror}"
        raise SettingsError([problem]) from error


def _urls(wanted: Wanted) -> str:
    """Only where they are not the default."""
    fields = GitHubSettings.model_fields
    given = {"api_url": wanted.api_url, "web_url": wanted.web_url}
    return "".join(f'{key} = "{url}"\n' for key, url in given.items() if url != fields[key].default)


def _check(settings: Settings, wanted: Wanted) -> None:
    if wanted.org and not is_org(wanted.org):
        raise SettingsError([f"--org: {wanted.org!r} is no name of an organisation"])
    if settings.github is not None and not wanted.replace:
        problem = (
            f"github: the App {settings.github.app_id} is set up already; `ci-bot app sync` moves its "
            "webhook here, and --force makes another App in its place"
        )
        raise SettingsError([problem])
    if settings.stored_app.exists() and not wanted.replace:
        raise SettingsError(
            [f"{settings.stored_app} is there already; --force puts another in its place"]
        )
    check_address(settings, wanted.web_url)
    try:
        settings.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="github-app.", dir=settings.keys):
            pass
    except OSError as error:
        raise SettingsError(
            [f"the App's key could not be stored: {settings.keys} cannot be written: {error.strerror}"]
        ) from error
