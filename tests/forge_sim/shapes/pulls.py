"""JSON shapes of pull requests, issues, comments and reactions."""

from __future__ import annotations

from dataclasses import dataclass

from ..state import Account, Comment, Json, Pull, Reaction, Repo, World
from . import common
from .common import Urls, iso, iso_or_none, node_id, user
from .repos import api_url, repository, web_url

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


@dataclass(frozen=True, slots=True)
class PullFacts:
    """What has to be computed from git and from the checks; unknown in webhook payloads."""

    mergeable: bool | None = None
    mergeable_state: str = "unknown"
    commits: int = 0
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0


def simple_pull(urls: Urls, world: World, pull: Pull) -> Json:
    """``pull-request-simple``."""
    url = f"{api_url(urls, pull.base)}/pulls/{pull.number}"
    return {
        **_pull_links(urls, pull),
        "url": url,
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": user(urls, pull.user),
        "body": pull.body,
        "labels": [label(urls, pull.base, name) for name in pull.labels],
        "milestone": None,
        "created_at": iso(pull.created_at),
        "updated_at": iso(pull.updated_at),
        "closed_at": iso_or_none(pull.closed_at),
        "merged_at": iso_or_none(pull.merged_at),
        "merge_commit_sha": pull.merge_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _end(urls, pull.head, pull.head_owner, pull.head_ref, pull.head_sha),
        "base": _end(urls, pull.base, pull.base.owner, pull.base_ref, pull.base_sha),
        "author_association": association(world, pull.user, pull.base),
        "auto_merge": None,
        "active_lock_reason": None,
        "draft": pull.draft,
    }


def full_pull(urls: Urls, world: World, pull: Pull, facts: PullFacts) -> Json:
    """``pull-request``."""
    merged_by = user(urls, pull.merged_by) if pull.merged_by is not None else None
    return {
        **simple_pull(urls, world, pull),
        "merged": pull.merged_at is not None,
        "mergeable": facts.mergeable,
        "rebaseable": facts.mergeable,
        "mergeable_state": facts.mergeable_state,
        "merged_by": merged_by,
        "comments": sum(1 for c in pull.base.comments.values() if c.number == pull.number),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": facts.commits,
        "additions": facts.additions,
        "deletions": facts.deletions,
        "changed_files": facts.changed_files,
    }


def _end(urls: Urls, repo: Repo | None, owner: Account, ref: str, sha: str) -> Json:
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(urls, owner),
        "repo": repository(urls, repo) if repo is not None else None,
    }


def _pull_links(urls: Urls, pull: Pull) -> Json:
    root = api_url(urls, pull.base)
    url, issue = f"{root}/pulls/{pull.number}", f"{root}/issues/{pull.number}"
    page = f"{web_url(urls, pull.base)}/pull/{pull.number}"
    named = {
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{root}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{root}/statuses/{pull.head_sha}",
    }
    links = {f"{key}_url": value for key, value in named.items()}
    hrefs = {key: {"href": value} for key, value in {"self": url, **named}.items()}
    return {**links, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch", "_links": hrefs}


def association(world: World, account: Account, repo: Repo) -> str:
    """How GitHub would call this author; a display value that proves nothing about permission."""
    if account.id == repo.owner.id:
        return "OWNER"
    if account.id in repo.owner.members:
        return "MEMBER"
    if account.id in repo.collaborators:
        return "COLLABORATOR"
    merged = any(p.merged_at and p.user is account for p in repo.pulls.values())
    return "CONTRIBUTOR" if merged else "NONE"


def label(urls: Urls, repo: Repo, name: str) -> Json:
    return {
        "id": 1 + sum(name.encode()),
        "node_id": node_id("Label", sum(name.encode())),
        "url": f"{api_url(urls, repo)}/labels/{name}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }


def reference(urls: Urls, pull: Pull) -> Json:
    """``pull-request-minimal``: how check runs and suites name a pull request."""

    def end(repo: Repo, ref: str, sha: str) -> Json:
        about = {"id": repo.id, "url": api_url(urls, repo), "name": repo.name}
        return {"ref": ref, "sha": sha, "repo": about}

    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{api_url(urls, pull.base)}/pulls/{pull.number}",
        "head": end(pull.head or pull.base, pull.head_ref, pull.head_sha),
        "base": end(pull.base, pull.base_ref, pull.base_sha),
    }


def issue(urls: Urls, world: World, pull: Pull) -> Json:
    """The issue that a pull request also is, as ``issue_comment`` carries it: no head sha."""
    url = f"{api_url(urls, pull.base)}/issues/{pull.number}"
    page = f"{web_url(urls, pull.base)}/pull/{pull.number}"
    return {
        "url": url,
        "repository_url": api_url(urls, pull.base),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": page,
        "id": pull.id + 1,
        "node_id": node_id("Issue", pull.id + 1),
        "number": pull.number,
        "title": pull.title,
        "user": user(urls, pull.user),
        "labels": [label(urls, pull.base, name) for name in pull.labels],
        "state": pull.state,
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": sum(1 for c in pull.base.comments.values() if c.number == pull.number),
        "created_at": iso(pull.created_at),
        "updated_at": iso(pull.updated_at),
        "closed_at": iso_or_none(pull.closed_at),
        "author_association": association(world, pull.user, pull.base),
        "active_lock_reason": None,
        "draft": pull.draft,
        "body": pull.body,
        "reactions": reactions_summary(url, []),
        "performed_via_github_app": None,
        "state_reason": None,
        "pull_request": {
            "url": f"{api_url(urls, pull.base)}/pulls/{pull.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": iso_or_none(pull.merged_at),
        },
    }


def comment(urls: Urls, world: World, repo: Repo, one: Comment) -> Json:
    """``issue-comment``."""
    url = f"{api_url(urls, repo)}/issues/comments/{one.id}"
    page = f"{web_url(urls, repo)}/pull/{one.number}#issuecomment-{one.id}"
    return {
        "url": url,
        "html_url": page,
        "issue_url": f"{api_url(urls, repo)}/issues/{one.number}",
        "id": one.id,
        "node_id": node_id("IssueComment", one.id),
        "user": user(urls, one.user),
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
        "body": one.body,
        "author_association": association(world, one.user, repo),
        "reactions": reactions_summary(url, one.reactions),
        "performed_via_github_app": common.app(urls, one.app) if one.app else None,
    }


def reactions_summary(url: str, reactions: list[Reaction]) -> Json:
    """``reaction-rollup``."""
    counts = {kind: sum(1 for r in reactions if r.content == kind) for kind in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}


def reaction(urls: Urls, one: Reaction) -> Json:
    """``reaction``."""
    return {
        "id": one.id,
        "node_id": node_id("Reaction", one.id),
        "user": user(urls, one.user),
        "content": one.content,
        "created_at": iso(one.created_at),
    }


def forced_event(urls: Urls, repo: Repo, id: int, by: Account, sha: str, at: float) -> Json:
    """``issue-event`` of a head that was moved by force.

    https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#head_ref_force_pushed
    """
    return {
        "id": id,
        "node_id": node_id("HeadRefForcePushedEvent", id),
        "url": f"{api_url(urls, repo)}/issues/events/{id}",
        "actor": user(urls, by),
        "event": "head_ref_force_pushed",
        "commit_id": sha,
        "commit_url": f"{api_url(urls, repo)}/commits/{sha}",
        "created_at": iso(at),
        "performed_via_github_app": None,
    }
