"""`app_manifest.yml` and our address in; the form for GitHub, and what its code stands for, out.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import yaml

from ci_bot.core.errors import ForgeError, RegistrationRefused
from ci_bot.core.registration import NO_CODE, MadeApp
from ci_bot.forges.github.api import THE_APP, Api
from ci_bot.forges.payload import Fields, WrongShape
from ci_bot.ports import AppForm, Clock

_MANIFEST: Final = Path(__file__).with_name("app_manifest.yml")
_OUR_ADDRESS: Final = "https://EXAMPLE.COM"
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")

CODE_GONE: Final = (
    "GitHub does not know this code: it is good once, and for an hour. If the App was made all the same, "
    "delete it on GitHub (Developer settings, GitHub Apps), since its key cannot be had any more; then "
    "begin again"
)


def manifest(public_url: str, name: str) -> dict[str, Any]:
    """The fields of the form, every address of ours filled in."""
    text = _MANIFEST.read_text(encoding="utf-8").replace(_OUR_ADDRESS, public_url)
    fields: dict[str, Any] = yaml.safe_load(text)
    return fields | {"name": name}


def hook_url(public_url: str) -> str:
    """Where the App's events go."""
    return str(manifest(public_url, "")["hook_attributes"]["url"])


def form_url(web_url: str, org: str, state: str) -> str:
    """`org` "" is the account of whoever is signed in."""
    whose = f"/organizations/{quote(org, safe='')}" if org else ""
    return f"{web_url}{whose}/settings/apps/new?state={quote(state, safe='')}"


def made_app(answer: Any, web_url: str) -> MadeApp:
    """Raises `ForgeError` for what does not describe an App with its key and secret."""
    try:
        fields = Fields.of(answer)
        slug = fields.name("slug")
        return MadeApp(
            id=fields.id("id"),
            slug=slug,
            url=_page(fields.name("html_url"), web_url, slug),
            private_key=fields.text("pem"),
            webhook_secret=fields.text("webhook_secret"),
        )
    except WrongShape as error:
        raise ForgeError(f"GitHub's answer does not describe the new App: {error}") from error


def _page(told: str, web_url: str, slug: str) -> str:
    """An Enterprise Server has it elsewhere than github.com; but on no other host than itself."""
    is_there = told.startswith(f"{web_url}/") and told.isprintable()
    return told if is_there else f"{web_url}/apps/{quote(slug, safe='')}"


class AppMaker:
    """`ports.AppMaking` for github.com or an Enterprise Server. Nobody's credentials are needed."""

    def __init__(
        self,
        *,
        public_url: str,
        web_url: str,
        api_url: str,
        org: str,
        name: str,
        session: aiohttp.ClientSession,
        clock: Clock,
    ) -> None:
        self._api = Api(session, api_url, clock)
        self._web_url = web_url
        self._org = org
        self._manifest = json.dumps(manifest(public_url, name))

    def form(self, state: str) -> AppForm:
        return AppForm(form_url(self._web_url, self._org, state), self._manifest)

    async def exchange(self, code: str) -> MadeApp:
        if not _CODE.fullmatch(code):
            raise RegistrationRefused(NO_CODE)
        url = "/app-manifests/{code}/conversions"
        try:
            answer = await self._api.send(THE_APP, "POST", url, {"code": code})
        except ForgeError as error:
            if error.status in (404, 410):
                raise RegistrationRefused(CODE_GONE) from error
            raise
        return made_app(answer, self._web_url)
