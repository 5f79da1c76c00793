"""JSON shapes of commits, files, differences and statuses."""

from __future__ import annotations

from urllib.parse import quote

from ..gitobjects import Commit, Entry, FileChange, Person
from ..state import Account, Json, Repo, Status
from .common import Urls, iso, node_id, user
from .repos import api_url, minimal, web_url


def _git_user(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": person.date}


def commit(urls: Urls, repo: Repo, one: Commit, author: Account | None) -> Json:
    """``commit``."""
    url = api_url(urls, repo)
    page = web_url(urls, repo)
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None}
    who = user(urls, author) if author is not None else None
    return {
        "url": f"{url}/commits/{one.sha}",
        "sha": one.sha,
        "node_id": node_id("Commit", int(one.sha[:8], 16)),
        "html_url": f"{page}/commit/{one.sha}",
        "comments_url": f"{url}/commits/{one.sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{one.sha}",
            "author": _git_user(one.author),
            "committer": _git_user(one.committer),
            "message": one.message,
            "comment_count": 0,
            "tree": {"sha": one.tree, "url": f"{url}/git/trees/{one.tree}"},
            "verification": {**unsigned, "verified_at": None},
        },
        "author": who,
        "committer": who,
        "parents": [
            {"sha": p, "url": f"{url}/commits/{p}", "html_url": f"{page}/commit/{p}"}
            for p in one.parents
        ],
    }


def with_files(shape: Json, files: list[Json]) -> Json:
    """The single-commit answer also tells what it changed."""
    added = sum(f["additions"] for f in files)
    removed = sum(f["deletions"] for f in files)
    stats = {"additions": added, "deletions": removed, "total": added + removed}
    return {**shape, "stats": stats, "files": files}


def in_push(urls: Urls, repo: Repo, one: Commit, changed: list[FileChange], pusher: Account) -> Json:
    """A commit in a push payload."""

    def names(*states: str) -> list[str]:
        return [f.path for f in changed if f.status in states]

    def person(who: Person) -> Json:
        return {
            "name": who.name,
            "email": who.email,
            "date": who.date,
            "username": pusher.login,
        }

    renamed_away = [f.previous for f in changed if f.previous is not None]
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "distinct": True,
        "message": one.message,
        "timestamp": one.committer.date,
        "url": f"{web_url(urls, repo)}/commit/{one.sha}",
        "author": person(one.author),
        "committer": person(one.committer),
        "added": names("added", "renamed", "copied"),
        "removed": names("removed") + renamed_away,
        "modified": names("modified", "changed"),
    }


def in_suite(one: Commit) -> Json:
    """``simple-commit``, the head commit of a check suite."""
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "message": one.message,
        "timestamp": one.committer.date,
        "author": {"name": one.author.name, "email": one.author.email},
        "committer": {"name": one.committer.name, "email": one.committer.email},
    }


def diff_entry(urls: Urls, repo: Repo, sha: str, change: FileChange) -> Json:
    """``diff-entry``."""
    path = quote(change.path)
    page = web_url(urls, repo)
    shape: Json = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{sha}/{path}",
        "raw_url": f"{page}/raw/{sha}/{path}",
        "contents_url": f"{api_url(urls, repo)}/contents/{path}?ref={sha}",
    }
    if change.previous is not None:
        shape["previous_filename"] = change.previous
    if change.patch is not None:
        shape["patch"] = change.patch
    return shape


def content_links(urls: Urls, repo: Repo, path: str, ref: str, sha: str, kind: str) -> Json:
    """The addresses that a file and a directory entry have in common."""
    place = quote(path)
    own = f"{api_url(urls, repo)}/contents/{place}?ref={quote(ref)}"
    part = "blobs" if kind == "file" else "trees"
    git = f"{api_url(urls, repo)}/git/{part}/{sha}"
    page = f"{web_url(urls, repo)}/{'blob' if kind == 'file' else 'tree'}/{quote(ref)}/{place}"
    raw = f"{web_url(urls, repo)}/raw/{quote(ref)}/{place}" if kind == "file" else None
    return {
        "url": own,
        "git_url": git,
        "html_url": page,
        "download_url": raw,
        "_links": {"self": own, "git": git, "html": page},
    }


def directory_entry(urls: Urls, repo: Repo, folder: str, ref: str, entry: Entry) -> Json:
    """One item of ``content-directory``."""
    path = f"{folder}/{entry.name}" if folder else entry.name
    kind = "dir" if entry.type == "dir" else "file"
    return {
        "type": entry.type,
        "size": 0,
        "name": entry.name,
        "path": path,
        "sha": entry.sha,
        **content_links(urls, repo, path, ref, entry.sha, kind),
    }


def status(urls: Urls, repo: Repo, one: Status) -> Json:
    """``status``."""
    return {**simple_status(urls, repo, one), "creator": user(urls, one.creator)}


def simple_status(urls: Urls, repo: Repo, one: Status) -> Json:
    """``simple-commit-status``."""
    return {
        "url": f"{api_url(urls, repo)}/statuses/{one.sha}",
        "avatar_url": f"{urls.web}/avatars/u/{one.creator.id}",
        "id": one.id,
        "node_id": node_id("StatusContext", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
    }


def combined(urls: Urls, repo: Repo, sha: str, state: str, latest: list[Status]) -> Json:
    """``combined-commit-status``."""
    url = f"{api_url(urls, repo)}/commits/{sha}"
    return {
        "state": state,
        "statuses": [simple_status(urls, repo, one) for one in latest],
        "sha": sha,
        "total_count": len(latest),
        "repository": minimal(urls, repo),
        "commit_url": url,
        "url": f"{url}/status",
    }
