"""JSON shapes of installations, their tokens and webhook deliveries."""

from __future__ import annotations

from ..state import Delivery, Installation, InstallationToken, Json, Repo
from .common import Urls, iso, iso_or_none, node_id, user
from .repos import repository


def installation(urls: Urls, one: Installation) -> Json:
    """``installation``."""
    url = f"{urls.api}/app/installations/{one.id}"
    return {
        "id": one.id,
        "client_id": one.app.client_id,
        "account": user(urls, one.account),
        "repository_selection": "all" if one.repo_ids is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{urls.api}/installation/repositories",
        "html_url": f"{urls.web}/settings/installations/{one.id}",
        "app_id": one.app.id,
        "app_slug": one.app.slug,
        "target_id": one.account.id,
        "target_type": one.account.type,
        "permissions": dict(one.permissions),
        "events": list(one.app.events),
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(urls, one.account) if one.suspended_at else None,
        "suspended_at": iso_or_none(one.suspended_at),
    }


def installation_reference(one: Installation) -> Json:
    """How every other event names the installation."""
    return {"id": one.id, "node_id": node_id("IntegrationInstallation", one.id)}


def token(urls: Urls, one: InstallationToken, repos: list[Repo] | None) -> Json:
    """``installation-token``; the repositories stand in it only when they were asked for."""
    shape: Json = {
        "token": one.token,
        "expires_at": iso(one.expires_at),
        "permissions": dict(one.permissions),
        "repository_selection": "all" if one.repo_ids is None else "selected",
    }
    if repos is not None:
        shape["repositories"] = [repository(urls, repo) for repo in repos]
    return shape


def delivery_item(one: Delivery) -> Json:
    """``hook-delivery-item``."""
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": iso(one.delivered_at),
        "redelivery": one.redelivery,
        "duration": round(one.duration, 3),
        "status": one.status,
        "status_code": one.status_code,
        "event": one.event,
        "action": one.action,
        "installation_id": one.installation_id,
        "repository_id": one.repository_id,
        "throttled_at": None,
    }


def delivery(one: Delivery) -> Json:
    """``hook-delivery``."""
    return {
        **delivery_item(one),
        "url": "",
        "request": {"headers": dict(one.request_headers), "payload": one.payload},
        "response": {"headers": dict(one.response_headers), "payload": one.response_body},
    }
