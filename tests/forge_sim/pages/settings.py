"""Making an App from a manifest and installing it, as a person does in the browser.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
from urllib.parse import quote

from aiohttp import web

from ..errors import ApiError, not_found
from ..registering import app_from_manifest
from ..registering import install as install_app
from ..state import App
from .render import Page

#: https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/registering-a-github-app
_MOST_NAME = 34


async def new_app(page: Page) -> web.Response:
    """The page on which a person confirms the App that a form has asked for."""
    manifest = _manifest(page.form.get("manifest", ""))
    _must_own(page, page.request.match_info.get("org"))
    return page.show(
        "manifest.html",
        manifest=manifest,
        text=json.dumps(manifest),
        state=page.request.query.get("state", ""),
        org=page.request.match_info.get("org"),
    )


def _manifest(text: str) -> dict[str, object]:
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise ApiError(400, "The manifest is not JSON.") from error
    for key in ("name", "url", "redirect_url"):
        if not isinstance(manifest, dict) or not manifest.get(key):
            raise ApiError(422, f"The manifest has no {key}.")
    if len(str(manifest["name"])) > _MOST_NAME:
        raise ApiError(422, f"Name is too long (maximum is {_MOST_NAME} characters).")
    return dict(manifest)


def _must_own(page: Page, org: str | None) -> None:
    """Where it is known who is looking: an organisation's Apps are its owners' to make."""
    account = page.sim.world.account(org) if org else None
    if org and account is None:
        raise not_found()
    if account is None or page.viewer is None:
        return
    if account.members.get(page.viewer.id) != "admin":
        raise not_found()


async def confirmed(page: Page) -> web.Response:
    manifest = _manifest(page.form.get("manifest", ""))
    _must_own(page, page.form.get("org"))
    _, code = app_from_manifest(page.sim, manifest, page.form.get("org") or None)
    state = page.form.get("state", "")
    address = str(manifest["redirect_url"])
    glue = "&" if "?" in address else "?"
    place = f"{address}{glue}code={code}&state={quote(state)}"
    return web.Response(status=302, headers={"Location": place})


def _app(page: Page) -> App:
    found = page.sim.world.app_by_slug(page.request.match_info["slug"])
    if found is None:
        raise not_found()
    return found


async def app_page(page: Page) -> web.Response:
    app, world = _app(page), page.sim.world
    held = {i.account.id for i in world.installations.values() if i.app is app}
    owners = {repo.owner.id: repo.owner for repo in world.repos.values()}
    return page.show("app.html", app=app, owners=list(owners.values()), held=held)


async def install(page: Page) -> web.Response:
    """On all repositories of an account; then to the App's ``setup_url``, if it has one."""
    app = _app(page)
    account = page.sim.world.account(page.form.get("account", ""))
    if account is None:
        raise not_found()
    made = install_app(page.sim, app, account, None)
    place = page.link(f"/apps/{app.slug}")
    if app.setup_url:
        place = f"{app.setup_url}?installation_id={made.id}&setup_action=install"
    return web.Response(status=302, headers={"Location": place})
