"""JSON shapes of deployments and their statuses."""

from __future__ import annotations

from ..state import Deployment, DeploymentStatus, Json, Repo
from .common import Urls, app, iso, node_id, user
from .repos import api_url


def deployment(urls: Urls, repo: Repo, one: Deployment) -> Json:
    """``deployment``."""
    url = f"{api_url(urls, repo)}/deployments/{one.id}"
    return {
        "id": one.id,
        "node_id": node_id("Deployment", one.id),
        "url": url,
        "sha": one.sha,
        "ref": one.sha,
        "task": "deploy",
        "payload": one.payload,
        "original_environment": one.environment,
        "environment": one.environment,
        "description": one.description,
        "creator": user(urls, one.creator),
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": api_url(urls, repo),
        "transient_environment": False,
        "production_environment": one.environment == "production",
        "performed_via_github_app": app(urls, one.app) if one.app else None,
    }


def status(urls: Urls, repo: Repo, deployment: Deployment, one: DeploymentStatus) -> Json:
    """``deployment-status``."""
    url = f"{api_url(urls, repo)}/deployments/{deployment.id}"
    return {
        "id": one.id,
        "node_id": node_id("DeploymentStatus", one.id),
        "url": f"{url}/statuses/{one.id}",
        "state": one.state,
        "creator": user(urls, one.creator),
        "description": one.description,
        "environment": deployment.environment,
        "target_url": one.log_url,
        "log_url": one.log_url,
        "environment_url": "",
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
        "deployment_url": url,
        "repository_url": api_url(urls, repo),
    }
