"""Accounts, Apps and installations: made by the control API and the settings pages."""

from __future__ import annotations

import secrets
import time
from functools import lru_cache
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .errors import ApiError
from .shapes import apps as shapes
from .shapes.common import user
from .shapes.repos import in_installation
from .sim import Sim
from .state import Account, App, Installation, Json, Repo


def create_account(sim: Sim, login: str, kind: Literal["User", "Organization", "Bot"]) -> Account:
    known = sim.world.account(login)
    if known is not None:
        return known
    account = Account(sim.world.next_id("account"), login, kind)
    sim.world.accounts[login.lower()] = account
    if kind == "User":
        account.token = f"ghp_{secrets.token_hex(18)}"
        sim.world.user_tokens[account.token] = account
    return account


def create_app(sim: Sim, body: Json) -> App:
    """The bot account of an App is ``slug[bot]``; permissions always include metadata."""
    slug = str(body["slug"])
    if sim.world.app_by_slug(slug) is not None:
        raise ApiError(422, f"an App {slug} is already there", [])
    owner = create_account(sim, str(body.get("owner", "forge-owner")), "User")
    key = _key(body.get("private_key"))
    app = App(
        id=sim.world.next_id("app"),
        slug=slug,
        owner=owner,
        bot=create_account(sim, f"{slug}[bot]", "Bot"),
        public_key=key.public_key(),
        private_pem=_pem(key),
        webhook_url=str(body.get("webhook_url") or ""),
        webhook_secret=str(body.get("webhook_secret") or secrets.token_hex(20)),
        permissions={"metadata": "read", **body.get("permissions", {})},
        events=list(body.get("events", [])),
        hook_id=sim.world.next_id("hook"),
        client_id=f"Iv23{secrets.token_hex(8)}",
        client_secret=secrets.token_hex(20),
    )
    sim.world.apps[app.id] = app
    return app


def app_from_manifest(sim: Sim, manifest: Json, owner: str | None) -> tuple[App, str]:
    """The App, and the code that ``/app-manifests/{code}/conversions`` takes once."""
    hook = manifest.get("hook_attributes") or {}
    made: Json = {
        "slug": str(manifest["name"]).lower().replace(" ", "-"),
        "webhook_url": hook.get("url", ""),
        "permissions": manifest.get("default_permissions") or {},
        "events": manifest.get("default_events") or [],
    }
    app = create_app(sim, made if owner is None else {**made, "owner": owner})
    app.hook_active = bool(hook.get("active", True))
    app.setup_url = str(manifest.get("setup_url") or "")
    code = secrets.token_hex(20)
    sim.world.manifest_codes[code] = app
    return app, code


def _key(pem: str | None) -> rsa.RSAPrivateKey:
    """A key that is given (making one takes 0.1 s) or a new one."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048) if pem is None else _read(pem)


@lru_cache
def _read(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ApiError(422, "an App's key is an RSA key", [])
    return key


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def install(sim: Sim, app: App, account: Account, repos: list[Repo] | None) -> Installation:
    """One installation per App and account; sends ``installation`` created."""
    for old in sim.world.installations.values():
        if old.app is app and old.account is account:
            raise ApiError(422, f"{app.slug} is already installed on {account.login}", [])
    installation = Installation(
        id=sim.world.next_id("installation"),
        app=app,
        account=account,
        repo_ids=None if repos is None else {repo.id for repo in repos},
        permissions=dict(app.permissions),
    )
    sim.world.installations[installation.id] = installation
    tell(sim, installation, "created")
    return installation


def uninstall(sim: Sim, installation: Installation) -> None:
    tell(sim, installation, "deleted")
    del sim.world.installations[installation.id]


def suspend(sim: Sim, installation: Installation, on: bool) -> None:
    installation.suspended_at = time.time() if on else None
    tell(sim, installation, "suspend" if on else "unsuspend")


def change_repos(sim: Sim, installation: Installation, repos: list[Repo] | None) -> None:
    """Select other repositories; sends ``installation_repositories`` added and removed."""
    before = {r.id for r in covered(sim, installation)}
    installation.repo_ids = None if repos is None else {repo.id for repo in repos}
    after = {r.id for r in covered(sim, installation)}
    for action, ids in (("added", after - before), ("removed", before - after)):
        if ids:
            _tell_repos(sim, installation, action, ids)


def _tell_repos(sim: Sim, installation: Installation, action: str, ids: set[int]) -> None:
    listed = [in_installation(sim.world.repos[i]) for i in sorted(ids)]
    body = _about(sim, installation, action)
    body["repository_selection"] = body["installation"]["repository_selection"]
    body["repositories_added"] = listed if action == "added" else []
    body["repositories_removed"] = listed if action == "removed" else []
    body["requester"] = None
    sim.hooks.announce_installation("installation_repositories", installation, body)


def covered(sim: Sim, installation: Installation) -> list[Repo]:
    owned = [r for r in sim.world.repos.values() if r.owner is installation.account]
    chosen = installation.repo_ids
    return owned if chosen is None else [r for r in owned if r.id in chosen]


def tell(sim: Sim, installation: Installation, action: str) -> None:
    body = _about(sim, installation, action)
    if action not in ("suspend", "unsuspend"):
        body["repositories"] = [in_installation(r) for r in covered(sim, installation)]
    sim.hooks.announce_installation("installation", installation, body)


def _about(sim: Sim, installation: Installation, action: str) -> dict[str, Any]:
    return {
        "action": action,
        "installation": shapes.installation(sim.urls, installation),
        "sender": user(sim.urls, sender_of(sim, installation)),
    }


def sender_of(sim: Sim, installation: Installation) -> Account:
    """An organisation installs nothing itself; one of its people does."""
    account = installation.account
    if account.type != "Organization":
        return account
    owners = [sim.world.account_by_id(i) for i, role in account.members.items() if role == "admin"]
    return next((one for one in owners if one is not None), installation.app.owner)
