"""JSON shapes of repositories, branches, refs and protection."""

from __future__ import annotations

from ..state import RANK, Activity, Json, Protection, Repo, Role, Ruleset
from .common import Urls, iso, node_id, user

_API_LINKS = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}


def api_url(urls: Urls, repo: Repo) -> str:
    return f"{urls.api}/repos/{repo.full_name}"


def web_url(urls: Urls, repo: Repo) -> str:
    return f"{urls.web}/{repo.full_name}"


def minimal(urls: Urls, repo: Repo) -> Json:
    """``minimal-repository``."""
    url = api_url(urls, repo)
    shape: Json = {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(urls, repo.owner),
        "html_url": web_url(urls, repo),
        "description": None,
        "fork": repo.parent is not None,
        "url": url,
    }
    shape.update({key: f"{url}/{tail}" for key, tail in _API_LINKS.items()})
    return shape


def repository(urls: Urls, repo: Repo) -> Json:
    """``repository``, as it stands in lists, pull requests and most webhook payloads."""
    page = web_url(urls, repo)
    none_of = ("forks_count", "stargazers_count", "watchers_count", "open_issues_count")
    return {
        **minimal(urls, repo),
        **dict.fromkeys((*none_of, "forks", "open_issues", "watchers", "size"), 0),
        "created_at": iso(repo.created_at),
        "updated_at": iso(repo.updated_at),
        "pushed_at": iso(repo.pushed_at),
        "git_url": f"git:{page.split(':', 1)[1]}.git",
        "ssh_url": f"git@forge.example:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "mirror_url": None,
        "language": None,
        "license": None,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if repo.private else "public",
        "default_branch": repo.default_branch,
    }


def full(urls: Urls, repo: Repo, role: Role | None = None) -> Json:
    """``full-repository``."""
    shape = {**repository(urls, repo), "network_count": 0, "subscribers_count": 0}
    if repo.parent is not None:
        shape["parent"] = shape["source"] = repository(urls, repo.parent)
    if role is not None:
        shape["permissions"] = permissions(role)
    return shape


def in_push(urls: Urls, repo: Repo) -> Json:
    """A push gives the repository with times in seconds, and more about the owner."""
    shape = repository(urls, repo)
    owner = {**shape["owner"], "name": repo.owner.login, "email": None}
    return {
        **shape,
        "owner": owner,
        "created_at": int(repo.created_at),
        "pushed_at": int(repo.pushed_at),
        "stargazers": 0,
        "master_branch": repo.default_branch,
    }


def in_installation(repo: Repo) -> Json:
    """The short form of the installation events."""
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
    }


def activity(urls: Urls, one: Activity) -> Json:
    """``activity``."""
    return {
        "id": one.id,
        "node_id": node_id("Activity", one.id),
        "before": one.before,
        "after": one.after,
        "ref": one.ref,
        "timestamp": iso(one.at),
        "activity_type": one.kind,
        "actor": user(urls, one.actor),
    }


def permissions(role: Role) -> dict[str, bool]:
    names = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain"}
    held = {key: RANK[role] >= RANK[needed] for key, needed in names.items()}
    return {**held, "admin": role == "admin"}


def permission(urls: Urls, repo: Repo, account: Json, role: Role) -> Json:
    """``repository-collaborator-permission``: maintain is told as write, triage as read.

    https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    legacy = {"maintain": "write", "triage": "read"}.get(role, role)
    holder = {**account, "permissions": permissions(role), "role_name": role}
    return {"permission": legacy, "role_name": role, "user": holder}


def short_branch(urls: Urls, repo: Repo, name: str, sha: str) -> Json:
    """``short-branch``."""
    url = api_url(urls, repo)
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "protected": is_protected(repo, name),
    }


def is_protected(repo: Repo, name: str) -> bool:
    return name in repo.protections or name in repo.rulesets


def branch(urls: Urls, repo: Repo, name: str, commit: Json) -> Json:
    """``branch-with-protection``."""
    url = f"{api_url(urls, repo)}/branches/{name}"
    protection = repo.protections.get(name)
    contexts = [context for context, _ in protection.checks] if protection else []
    checks = protection.checks if protection else []
    return {
        "name": name,
        "commit": commit,
        "_links": {"self": url, "html": f"{web_url(urls, repo)}/tree/{name}"},
        "protected": is_protected(repo, name),
        "protection": {  # rulesets do not show in here
            "enabled": protection is not None,
            "required_status_checks": {
                "enforcement_level": _enforcement(protection),
                "contexts": contexts,
                "checks": [{"context": c, "app_id": a} for c, a in checks],
            },
        },
        "protection_url": f"{url}/protection",
    }


def _enforcement(rule: Protection | None) -> str:
    if rule is None:
        return "off"
    return "everyone" if rule.enforce_admins else "non_admins"


def rules(repo: Repo, one: Ruleset) -> list[Json]:
    """``repository-rule-detailed``, one for each thing that the ruleset asks for."""
    source: Json = {"ruleset_source_type": "Repository", "ruleset_source": repo.full_name}
    source["ruleset_id"] = one.id
    found = []
    if one.checks:
        checks = [
            {"context": context} | ({} if app is None else {"integration_id": app})
            for context, app in one.checks
        ]
        strict = {"strict_required_status_checks_policy": one.strict}
        parameters = {"required_status_checks": checks, **strict, "do_not_enforce_on_create": False}
        found.append({"type": "required_status_checks", "parameters": parameters, **source})
    if one.merge_queue:
        found.append({"type": "merge_queue", "parameters": _QUEUE, **source})
    return found


_QUEUE: Json = {
    "check_response_timeout_minutes": 60,
    "grouping_strategy": "ALLGREEN",
    "max_entries_to_build": 1,
    "max_entries_to_merge": 1,
    "merge_method": "MERGE",
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 0,
}


def protection(urls: Urls, repo: Repo, name: str, rule: Protection) -> Json:
    """``branch-protection`` and, with the same keys, ``protected-branch``."""
    url = f"{api_url(urls, repo)}/branches/{name}/protection"
    required = f"{url}/required_status_checks"
    return {
        "url": url,
        "required_status_checks": {
            "url": required,
            "strict": rule.strict,
            "contexts": [context for context, _ in rule.checks],
            "contexts_url": f"{required}/contexts",
            "checks": [{"context": c, "app_id": a} for c, a in rule.checks],
        },
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rule.enforce_admins},
        "required_linear_history": {"enabled": False},
        "allow_force_pushes": {"enabled": True},
        "allow_deletions": {"enabled": False},
    }


def git_ref(urls: Urls, repo: Repo, ref: str, sha: str, kind: str) -> Json:
    """``git-ref``."""
    url = api_url(urls, repo)
    plural = "tags" if kind == "tag" else "commits"
    return {
        "ref": ref,
        "node_id": node_id("Ref", repo.id),
        "url": f"{url}/git/{ref}",
        "object": {"type": kind, "sha": sha, "url": f"{url}/git/{plural}/{sha}"},
    }
