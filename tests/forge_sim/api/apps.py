"""Endpoints of an App itself (JWT): its installations, tokens, webhook and deliveries; manifests."""

from __future__ import annotations

from .. import access
from ..errors import ApiError, invalid, not_found
from ..exchange import Call, Reply, Route
from ..shapes import apps as shapes
from ..shapes import common
from ..shapes.repos import repository
from ..state import App, Delivery, Installation, Json, Repo, covers


def _app(call: Call) -> App:
    assert call.caller.app is not None
    return call.caller.app


async def get_app(call: Call) -> Reply:
    app = _app(call)
    count = sum(1 for i in call.sim.world.installations.values() if i.app is app)
    return Reply(body={**common.app(call.sim.urls, app), "installations_count": count})


async def list_installations(call: Call) -> Reply:
    mine = [i for i in call.sim.world.installations.values() if i.app is _app(call)]
    items, headers = call.page(mine)
    return Reply(body=[shapes.installation(call.sim.urls, i) for i in items], headers=headers)


def _installation(call: Call) -> Installation:
    found = call.sim.world.installations.get(call.number("installation_id"))
    if found is None or found.app is not _app(call):
        raise not_found()
    return found


async def get_installation(call: Call) -> Reply:
    return Reply(body=shapes.installation(call.sim.urls, _installation(call)))


async def repo_installation(call: Call) -> Reply:
    repo = call.sim.world.repo(call.args["owner"], call.args["repo"])
    found = call.sim.world.installation_for(_app(call), repo) if repo is not None else None
    if found is None:
        raise not_found()
    return Reply(body=shapes.installation(call.sim.urls, found))


async def create_token(call: Call) -> Reply:
    """https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app."""
    installation = _installation(call)
    if installation.suspended_at is not None:
        raise ApiError(403, "This installation has been suspended")
    permissions = _scoped_permissions(installation, call.body.get("permissions"))
    repos = _scoped_repos(call, installation)
    chosen = {repo.id for repo in repos} if repos is not None else None
    if chosen is None and installation.repo_ids is not None:
        chosen = set(installation.repo_ids)
    lifetime = call.sim.token_lifetime
    token = access.mint(call.sim.world, installation, permissions, chosen, lifetime)
    body = shapes.token(call.sim.urls, token, repos)
    return Reply(201, body, made=f"token of {installation.id}")


def _scoped_permissions(installation: Installation, asked: Json | None) -> dict[str, str]:
    held = {"metadata": "read", **installation.permissions}
    if not asked:
        return held
    for name, level in asked.items():
        if not access.permits(held, name, level):
            message = "The permissions requested are not granted to this installation."
            raise ApiError(422, message, [])
    return {"metadata": "read", **asked}


def _scoped_repos(call: Call, installation: Installation) -> list[Repo] | None:
    world = call.sim.world
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    found = [world.repo(installation.account.login, str(name)) for name in names or []]
    found += [world.repos.get(number) for number in ids or []]
    held = [repo for repo in found if repo is not None and covers(installation, repo)]
    if len(held) != len(found):
        message = (
            "There is at least one repository that does not exist or is not accessible to the "
            "parent installation."
        )
        raise ApiError(422, message, [])
    return held


async def revoke_token(call: Call) -> Reply:
    assert call.caller.token is not None
    del call.sim.world.tokens[call.caller.token.token]
    return Reply(204)


async def installation_repositories(call: Call) -> Reply:
    token = call.caller.token
    assert token is not None
    mine = [r for r in call.sim.world.repos.values() if access.reaches(call.caller, r)]
    items, headers = call.page(mine)
    body = {
        "total_count": len(mine),
        "repository_selection": "all" if token.repo_ids is None else "selected",
        "repositories": [repository(call.sim.urls, repo) for repo in items],
    }
    return Reply(body=body, headers=headers)


async def list_deliveries(call: Call) -> Reply:
    """Newest first; ``cursor`` is the id of the first one of the page."""
    found = [d for d in reversed(_app(call).deliveries) if d.status != "pending"]
    wanted = call.query.get("status")
    if wanted is not None:
        found = [d for d in found if (d.status == "OK") == (wanted == "success")]
    cursor = call.query.get("cursor")
    if cursor is not None:
        if not cursor.isdecimal():
            raise ApiError(400, "Invalid cursor")
        found = [d for d in found if d.id <= int(cursor)]
    size = min(max(int(call.query.get("per_page", "30")), 1), 100)
    headers = {}
    if len(found) > size:
        url = call.request.rel_url.update_query(cursor=str(found[size].id))
        headers = {"Link": f'<{call.sim.urls.web}{url}>; rel="next"'}
    return Reply(body=[shapes.delivery_item(d) for d in found[:size]], headers=headers)


def _delivery(call: Call) -> Delivery:
    number = call.number("delivery_id")
    for delivery in _app(call).deliveries:
        if delivery.id == number:
            return delivery
    raise not_found()


async def get_delivery(call: Call) -> Reply:
    return Reply(body=shapes.delivery(_delivery(call)))


async def redeliver(call: Call) -> Reply:
    call.sim.hooks.redeliver(_app(call), _delivery(call))
    return Reply(202, {})


def _hook_config(app: App) -> Json:
    secret = "********" if app.webhook_secret else ""
    return {
        "content_type": "json",
        "insecure_ssl": "0",
        "secret": secret,
        "url": app.webhook_url or "https://example.com/none",
    }


async def get_hook(call: Call) -> Reply:
    return Reply(body=_hook_config(_app(call)))


async def patch_hook(call: Call) -> Reply:
    app = _app(call)
    if call.body.get("content_type", "json") != "json":
        raise invalid("content_type", "the simulator sends json only", "Hook")
    app.webhook_url = str(call.body.get("url", app.webhook_url))
    app.webhook_secret = str(call.body.get("secret", app.webhook_secret))
    return Reply(body=_hook_config(app))


async def convert_manifest(call: Call) -> Reply:
    """https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest."""
    app = call.sim.world.manifest_codes.pop(call.args["code"], None)
    if app is None:
        raise not_found()
    secrets = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "webhook_secret": app.webhook_secret,
        "pem": app.private_pem,
    }
    return Reply(201, {**common.app(call.sim.urls, app), **secrets}, made=app.id)


_DELIVERY = "/app/hook/deliveries/{delivery_id}"
_INSTALLATION = "/app/installations/{installation_id}"
ROUTES = (
    Route("GET", "/app", get_app, by="app"),
    Route("GET", "/app/installations", list_installations, by="app"),
    Route("GET", _INSTALLATION, get_installation, by="app"),
    Route("POST", f"{_INSTALLATION}/access_tokens", create_token, by="app"),
    Route("GET", "/repos/{owner}/{repo}/installation", repo_installation, by="app"),
    Route("DELETE", "/installation/token", revoke_token, by="installation"),
    Route("GET", "/installation/repositories", installation_repositories, by="installation"),
    Route("GET", "/app/hook/deliveries", list_deliveries, by="app"),
    Route("GET", _DELIVERY, get_delivery, by="app"),
    Route("POST", f"{_DELIVERY}/attempts", redeliver, by="app"),
    Route("GET", "/app/hook/config", get_hook, by="app"),
    Route("PATCH", "/app/hook/config", patch_hook, by="app"),
    Route("POST", "/app-manifests/{code}/conversions", convert_manifest, by="any"),
)
