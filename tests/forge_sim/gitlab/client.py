"""Hands on the simulated GitLab: its REST API, told in the words that scenarios use on every forge."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import aiohttp

from ..gitpush import ForgeCallFailed
from ..hands import Hands, Json, Person

__all__ = ["ForgeCallFailed", "GitLabClient", "Person"]

# Commit status → (status, conclusion) of a check.
_CHECK: dict[str, tuple[str, str | None]] = {
    "created": ("queued", None),
    "pending": ("queued", None),
    "running": ("in_progress", None),
    "success": ("completed", "success"),
    "failed": ("completed", "failure"),
    "canceled": ("completed", "cancelled"),
    "skipped": ("completed", "skipped"),
}
# A pending status that waits for a person, by its own words or by a command in them, is what other forges
# call "action required".
_ASKS = re.compile(r"^(?:Waiting|Not run)\b|(?:^|[\s`(])/[a-z]+")
_MERGEABLE = {"mergeable": "clean", "draft_status": "draft", "conflict": "dirty", "not_open": "unknown"}
_EMOJI = {"thumbsup": "+1", "thumbsdown": "-1"}
_DEPLOYED = {"created": "queued", "running": "in_progress", "failed": "failure"} | {
    "success": "success",
    "canceled": "inactive",
}


class GitLabClient(Hands):
    """Pull requests are merge requests, numbers their iids; ``ci-bot/test`` is told as ``ci-bot / test``."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.people: dict[str, Person] = {}
        self.session = aiohttp.ClientSession()

    # --- setting the scene -------------------------------------------------------------------

    async def app(
        self,
        slug: str = "ci-bot",
        *,
        webhook_url: str = "",
        webhook_secret: str = "",
        scopes: tuple[str, ...] = ("api", "read_repository"),
        expires_at: str | None = None,
    ) -> Json:
        """{id, bot_id, slug, token, webhook_secret}: a bot user with an access token.

        A secret that begins with ``whsec_`` is a signing token, any other a plain one; without one a
        signing token is made (a plain one before GitLab 19). ``install`` makes it a maintainer of a
        group or of projects, and registers the hook there.
        """
        body = {"slug": slug, "webhook_url": webhook_url, "webhook_secret": webhook_secret}
        more = {"scopes": list(scopes), "expires_at": expires_at}
        made: Json = await self.control("POST", "/apps", {**body, **more})
        return made

    async def token(
        self, login: str, *scopes: str, expires_at: str | None = None, name: str = "a test's"
    ) -> str:
        """One more access token of a person or bot."""
        body = {"login": login, "scopes": list(scopes), "expires_at": expires_at, "name": name}
        return str((await self.control("POST", "/tokens", body))["token"])

    async def block(self, login: str, state: str = "blocked") -> None:
        await self.control("POST", "/people", {"login": login, "state": state})

    async def rename(self, repo: str, to: str) -> None:
        await self.control("POST", "/rename", {"repo": repo, "to": to})

    # --- acting as a person --------------------------------------------------------------------

    async def api(self, method: str, path: str, body: Any = None, *, by: str | None = None) -> Any:
        """A call of the REST API as that person (None: a stranger); the answer's JSON."""
        headers = {} if by is None else {"PRIVATE-TOKEN": (await self.user(by)).token}
        return await self.call(method, f"{self.url}/api/v4{path}", body, headers)

    async def open_pull(
        self,
        repo: str,
        head: str,
        *,
        by: str,
        base: str = "main",
        title: str | None = None,
        body: str = "",
        draft: bool = False,
    ) -> Json:
        owner, _, branch = head.rpartition(":")
        source = f"{owner}/{repo.rsplit('/', 1)[-1]}" if owner else repo
        told = title or f"Merge {head}"
        sent: Json = {
            "source_branch": branch,
            "target_branch": base,
            "title": f"Draft: {told}" if draft else told,
            "description": body,
        }
        if owner:
            target = await self.api("GET", f"/projects/{_id(repo)}", by=by)
            sent["target_project_id"] = target["id"]
        made = await self.api("POST", f"/projects/{_id(source)}/merge_requests", sent, by=by)
        return _pull(made)

    async def pull(self, repo: str, number: int, *, by: str | None = None) -> Json:
        return _pull(await self.api("GET", _mr(repo, number), by=by or self.looker()))

    async def change_pull(self, repo: str, number: int, *, by: str, **fields: Any) -> Json:
        names = {"title": "title", "body": "description", "base": "target_branch"}
        sent = {names[key]: value for key, value in fields.items() if key in names}
        if "state" in fields:
            sent["state_event"] = "close" if fields["state"] == "closed" else "reopen"
        return _pull(await self.api("PUT", _mr(repo, number), sent, by=by))

    async def draft(self, repo: str, number: int, draft: bool, *, by: str) -> None:
        """By its title, as GitLab knows it."""
        title = (await self.pull(repo, number, by=by))["title"].removeprefix("Draft: ")
        await self.change_pull(repo, number, by=by, title=f"Draft: {title}" if draft else title)

    async def label(self, repo: str, number: int, label: str, *, by: str) -> None:
        await self.api("PUT", _mr(repo, number), {"add_labels": label}, by=by)

    async def merge(self, repo: str, number: int, *, by: str, **fields: Any) -> Json:
        return _pull(await self.api("PUT", f"{_mr(repo, number)}/merge", fields or None, by=by))

    async def comment(self, repo: str, number: int, text: str, *, by: str) -> Json:
        """Raises ForgeCallFailed (202) where all of it was a quick action of GitLab's own, as /approve is."""
        path = f"{_mr(repo, number)}/notes"
        made = await self.api("POST", path, {"body": text}, by=by)
        if "id" not in made:
            raise ForgeCallFailed("GitLab took the comment as its own quick action", 202, made)
        return _comment(made)

    async def delete_comment(self, repo: str, comment_id: int, *, by: str) -> None:
        await self.api("DELETE", await self._note(repo, comment_id), by=by)

    async def edit_comment(self, repo: str, comment_id: int, text: str, *, by: str) -> None:
        await self.api("PUT", await self._note(repo, comment_id), {"body": text}, by=by)

    async def _note(self, repo: str, comment_id: int) -> str:
        found = await self.control("GET", f"/note?repo={quote(repo, safe='')}&note={comment_id}")
        return f"{_mr(repo, found['iid'])}/notes/{comment_id}"

    async def approve(self, repo: str, number: int, *, by: str) -> None:
        """The button "Approve", which is GitLab's own and no command of ci-bot's."""
        await self.api("POST", f"{_mr(repo, number)}/approve", by=by)

    async def protect(
        self,
        repo: str,
        *contexts: str,
        by: str,
        branch: str = "main",
        app_id: int = -1,
        strict: bool = False,
    ) -> None:
        """ "Pipelines must succeed": for all merge requests of the project, whatever their statuses' names."""
        sent = {"only_allow_merge_if_pipeline_succeeds": True}
        await self.api("PUT", f"/projects/{_id(repo)}", sent, by=by)

    # --- looking -----------------------------------------------------------------------------

    async def checks(self, repo: str, sha: str, *, all_attempts: bool = False) -> list[Json]:
        """Commit statuses as the merge request shows them: a fork's own ones as well."""
        query = f"repo={quote(repo, safe='')}&sha={sha}&all={str(all_attempts).lower()}"
        return [_check(one) for one in await self.control("GET", f"/checks?{query}")]

    async def statuses(self, repo: str, sha: str) -> list[Json]:
        """As the API lists them, for this project alone."""
        path = f"/projects/{_id(repo)}/repository/commits/{sha}/statuses?per_page=100"
        found: list[Json] = await self.api("GET", path, by=self.looker())
        return found

    async def annotations(self, repo: str, check_run_id: int) -> list[Json]:
        """GitLab has none."""
        return []

    async def deployments(self, repo: str, sha: str) -> list[tuple[str, list[Json]]]:
        query = f"repo={quote(repo, safe='')}&sha={sha}"
        found = await self.control("GET", f"/deployments?{query}")
        return [
            (one["environment"], [{"state": _DEPLOYED.get(s, s)} for s in one["history"]])
            for one in found
        ]

    async def comments(self, repo: str, number: int) -> list[Json]:
        path = f"{_mr(repo, number)}/notes?sort=asc&per_page=100"
        found = await self.api("GET", path, by=self.looker())
        return [_comment(one) for one in found if not one["system"]]

    async def reactions(self, repo: str, comment_id: int) -> list[str]:
        query = f"repo={quote(repo, safe='')}&note={comment_id}"
        found = await self.control("GET", f"/reactions?{query}")
        return [_EMOJI.get(name, name) for name in found]


def _id(repo: str) -> str:
    return quote(repo, safe="")


def _mr(repo: str, number: int) -> str:
    return f"/projects/{_id(repo)}/merge_requests/{number}"


def _pull(mr: Json) -> Json:
    return {
        "number": mr["iid"],
        "title": mr["title"],
        "body": mr["description"],
        "state": "open" if mr["state"] == "opened" else "closed",
        "merged": mr["state"] == "merged",
        "draft": mr["draft"],
        "head": {"sha": mr["sha"], "ref": mr["source_branch"]},
        "base": {"ref": mr["target_branch"]},
        "labels": [{"name": name} for name in mr["labels"]],
        "mergeable_state": _MERGEABLE.get(mr["detailed_merge_status"], "blocked"),
        "html_url": mr["web_url"],
        "merge_request": mr,
    }


def _comment(note: Json) -> Json:
    author = note["author"]
    user = {"login": author["username"], "id": author["id"]}
    return {"id": note["id"], "body": note["body"], "user": user, "note": note}


def _check(one: Json) -> Json:
    status, conclusion = _CHECK[one["status"]]
    text = one["description"] or ""
    if one["status"] == "pending" and _ASKS.search(text):
        status, conclusion = "completed", "action_required"
    return {
        "id": one["id"],
        "name": re.sub(r"^([^/ ]+)/", r"\1 / ", one["name"]),
        "status": status,
        "conclusion": conclusion,
        "details_url": one["target_url"],
        "output": {"title": text, "summary": "", "text": ""},
        "commit_status": one,
    }
