"""Pages of the set-up: a form to post to GitHub, what became of its answer, and what to do next.

All but the last are served by `ci-bot app create` alone, to the one browser that opened its link.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from aiohttp import web

from ci_bot.core.errors import CiBotError, RegistrationRefused
from ci_bot.core.registration import LINK_UNKNOWN, MadeApp
from ci_bot.flow.registration import Registration

COOKIE: Final = "ci-bot-setup"
PAGE: Final = "/setup/github"
MADE: Final = "/setup/github/made"
INSTALLED: Final = "/setup/github/installed"

_TEMPLATES: Final = Path(__file__).with_name("templates")
_ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
)
_STYLE: Final = (_TEMPLATES / "setup.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class Setup:
    """What the pages say about the App that is to be made."""

    owner: str  # in words
    name: str
    web_url: str
    hook_url: str
    is_https: bool  # whether browsers reach us so


REGISTRATION: web.AppKey[Registration] = web.AppKey("registration", Registration)
SETUP: web.AppKey[Setup] = web.AppKey("setup", Setup)


def make_setup_app(registration: Registration, setup: Setup) -> web.Application:
    """What `ci-bot app create` serves until the App is stored."""
    app = web.Application(client_max_size=4096)
    app[REGISTRATION], app[SETUP] = registration, setup
    app.router.add_get(PAGE + "/link/{link}", _open, allow_head=False)
    app.router.add_get(PAGE, _begin, allow_head=False)
    app.router.add_get(MADE, _made, allow_head=False)
    app.router.add_post(PAGE + "/again", _again)
    app.router.add_get(INSTALLED, installed)
    return app


def link_path(link: str) -> str:
    return f"{PAGE}/link/{link}"


async def _open(request: web.Request) -> web.Response:
    browser = request.app[REGISTRATION].open(request.match_info["link"])
    if browser is None:
        return _unknown()
    response = web.Response(status=303, headers={"Location": PAGE, "Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE,
        browser,
        path="/setup",
        httponly=True,
        samesite="Lax",  # it must come along when GitHub leads back here
        secure=request.app[SETUP].is_https,
    )
    return response


async def _begin(request: web.Request) -> web.Response:
    registration = request.app[REGISTRATION]
    if not _is_ours(request):
        return _unknown()
    if registration.may_repeat:
        return _page("repeat", "The App is not stored yet")
    if registration.stored.done():
        return _done(registration.stored.result())
    setup = request.app[SETUP]
    return _page(
        "begin", "Make the GitHub App", form_to=setup.web_url, setup=setup, form=registration.form()
    )


async def _made(request: web.Request) -> web.Response:
    """GitHub leads here with `code` and `state`."""
    registration = request.app[REGISTRATION]
    if not _is_ours(request):
        return _unknown()
    if registration.stored.done():  # the page was loaded again
        return _done(registration.stored.result())
    code, state = request.query.get("code", ""), request.query.get("state", "")
    try:
        return _done(await registration.answer(code, state))
    except CiBotError as error:
        return _failed(registration, error)


async def _again(request: web.Request) -> web.Response:
    registration = request.app[REGISTRATION]
    if not _is_ours(request):
        return _unknown()
    try:
        return _done(await registration.go_on())
    except CiBotError as error:
        return _failed(registration, error)


async def installed(_request: web.Request) -> web.Response:
    """Where GitHub leads after an installation; the same for everybody, whatever the address says."""
    return _page("installed", "ci-bot is installed")


def _is_ours(request: web.Request) -> bool:
    return request.app[REGISTRATION].is_for(request.cookies.get(COOKIE, ""))


def _unknown() -> web.Response:
    return _page("unknown", "Not found", status=404, problem=LINK_UNKNOWN)


def _done(made: MadeApp) -> web.Response:
    return _page("made", "The App is made", made=made)


def _failed(registration: Registration, error: CiBotError) -> web.Response:
    status = 400 if isinstance(error, RegistrationRefused) else 502
    kind = "repeat" if registration.may_repeat else "refused"
    return _page(kind, "That did not work", status=status, problem=f"{error}.")


def _page(
    kind: str, title: str, *, status: int = 200, problem: str = "", form_to: str = "", **values: Any
) -> web.Response:
    """`form_to` is another origin that a form may be posted to."""
    text = _ENVIRONMENT.get_template("setup.html").render(
        kind=kind, title=title, problem=problem, style=_STYLE, **values
    )
    # Browsers hold redirects after a form to this too, and an Enterprise Server leads to its own sign-in.
    forms = f"'self' {form_to} https:" if form_to else "'self'"
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        f"form-action {forms}; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
