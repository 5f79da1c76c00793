"""Hands on the simulated GitHub: its REST API and what only GitHub has (Apps, check runs, buttons, queues)."""

from __future__ import annotations

from typing import Any

import aiohttp

from .gitpush import ForgeCallFailed
from .hands import Hands, Json, Person

__all__ = ["ForgeCallFailed", "ForgeClient", "Person"]

# What FORGES.md says ci-bot asks for.
PERMISSIONS = {
    "checks": "write",
    "statuses": "write",
    "contents": "read",
    "pull_requests": "write",
    "issues": "write",
    "merge_queues": "read",
    "metadata": "read",
}
EVENTS = (
    "push",
    "pull_request",
    "issue_comment",
    "merge_group",
    "create",
    "delete",
    "repository",
)


class ForgeClient(Hands):
    """Hands on the simulated GitHub."""

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
        permissions: dict[str, str] | None = None,
        events: tuple[str, ...] = EVENTS,
        private_key: str | None = None,
    ) -> Json:
        """{id, slug, private_key, webhook_secret, bot_id, …}; asks for what ci-bot asks for.

        A ``private_key`` (PEM) that is used again saves 0.1 s.
        """
        body: Json = {
            "slug": slug,
            "webhook_url": webhook_url,
            "webhook_secret": webhook_secret,
            "permissions": PERMISSIONS if permissions is None else permissions,
            "events": list(events),
        }
        if private_key is not None:
            body["private_key"] = private_key
        made: Json = await self.control("POST", "/apps", body)
        return made

    # --- acting as a person --------------------------------------------------------------------

    async def api(self, method: str, path: str, body: Any = None, *, by: str | None = None) -> Any:
        """A call of the REST API as that person (None: a stranger); the answer's JSON."""
        headers = {"Accept": "application/vnd.github+json"}
        if by is not None:
            headers["Authorization"] = f"Bearer {(await self.user(by)).token}"
        return await self.call(method, f"{self.url}/api/v3{path}", body, headers)

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
        """``head`` is a branch, or ``owner:branch`` of a fork."""
        sent = {"title": title or f"Merge {head}", "head": head, "base": base, "body": body}
        if draft:
            sent["draft"] = True  # type: ignore[assignment]  # a JSON object
        made: Json = await self.api("POST", f"/repos/{repo}/pulls", sent, by=by)
        return made

    async def pull(self, repo: str, number: int, *, by: str | None = None) -> Json:
        found: Json = await self.api("GET", f"/repos/{repo}/pulls/{number}", by=by)
        return found

    async def change_pull(self, repo: str, number: int, *, by: str, **fields: Any) -> Json:
        """``state``, ``title``, ``body`` or ``base``."""
        path = f"/repos/{repo}/pulls/{number}"
        changed: Json = await self.api("PATCH", path, fields, by=by)
        return changed

    async def draft(self, repo: str, number: int, draft: bool, *, by: str) -> None:
        """Marks a pull request as ready for review, or as a draft again."""
        body = {"repo": repo, "number": number, "login": by, "draft": draft}
        await self.control("POST", "/pulls", body)

    async def label(self, repo: str, number: int, label: str, *, by: str) -> None:
        body = {"repo": repo, "number": number, "login": by, "label": label}
        await self.control("POST", "/pulls", body)

    async def merge(self, repo: str, number: int, *, by: str, **fields: Any) -> Json:
        """Raises ForgeCallFailed with status 405 where branch protection says no."""
        path = f"/repos/{repo}/pulls/{number}/merge"
        merged: Json = await self.api("PUT", path, fields, by=by)
        return merged

    async def comment(self, repo: str, number: int, text: str, *, by: str) -> Json:
        path = f"/repos/{repo}/issues/{number}/comments"
        made: Json = await self.api("POST", path, {"body": text}, by=by)
        return made

    async def delete_comment(self, repo: str, comment_id: int, *, by: str) -> None:
        await self.api("DELETE", f"/repos/{repo}/issues/comments/{comment_id}", by=by)

    async def edit_comment(self, repo: str, comment_id: int, text: str, *, by: str) -> None:
        path = f"/repos/{repo}/issues/comments/{comment_id}"
        await self.api("PATCH", path, {"body": text}, by=by)

    async def rerequest(self, repo: str, check_run_id: int, *, by: str) -> None:
        """The "Re-run" link of a check run."""
        await self.api("POST", f"/repos/{repo}/check-runs/{check_run_id}/rerequest", by=by)

    async def rerequest_suite(self, repo: str, suite_id: int, *, by: str) -> None:
        """The "Re-run all checks" button."""
        await self.api("POST", f"/repos/{repo}/check-suites/{suite_id}/rerequest", by=by)

    async def press(self, repo: str, check_run_id: int, identifier: str, *, by: str) -> None:
        """A button (action) of a completed check run."""
        await self.user(by)
        body = {"repo": repo, "check_run_id": check_run_id, "identifier": identifier, "login": by}
        await self.control("POST", "/press", body)

    async def protect(
        self,
        repo: str,
        *contexts: str,
        by: str,
        branch: str = "main",
        app_id: int = -1,
        strict: bool = False,
    ) -> None:
        """Require those checks on a branch; ``app_id`` pins them to one App."""
        body = {
            "required_status_checks": {
                "strict": strict,
                "contexts": [],
                "checks": [{"context": name, "app_id": app_id} for name in contexts],
            },
            "enforce_admins": True,
            "required_pull_request_reviews": None,
            "restrictions": None,
        }
        await self.api("PUT", f"/repos/{repo}/branches/{branch}/protection", body, by=by)

    async def ruleset(
        self,
        repo: str,
        *contexts: str,
        branch: str = "main",
        app_id: int | None = None,
        strict: bool = False,
        merge_queue: bool = False,
    ) -> None:
        """A ruleset instead of branch protection, or beside it; called again it replaces the first."""
        pinned = {} if app_id is None else {"integration_id": app_id}
        checks = [{"context": name, **pinned} for name in contexts]
        about = {"repo": repo, "branch": branch, "strict": strict, "merge_queue": merge_queue}
        await self.control("POST", "/rules", {**about, "checks": checks})

    async def queue_pull(self, repo: str, number: int, *, by: str) -> None:
        """The button "Merge when ready". Raises ForgeCallFailed (405) where the pull request is blocked."""
        await self.control("POST", "/queue", {"repo": repo, "number": number, "login": by})

    async def dequeue_pull(self, repo: str, number: int, *, by: str) -> None:
        await self.control("DELETE", "/queue", {"repo": repo, "number": number, "login": by})

    # --- looking -----------------------------------------------------------------------------

    async def checks(self, repo: str, sha: str, *, all_attempts: bool = False) -> list[Json]:
        """Check runs of a commit, newest first; the latest of each name unless all are wanted."""
        kind = "all" if all_attempts else "latest"
        path = f"/repos/{repo}/commits/{sha}/check-runs?filter={kind}&per_page=100"
        found: list[Json] = (await self.api("GET", path, by=self.looker()))["check_runs"]
        return found

    async def annotations(self, repo: str, check_run_id: int) -> list[Json]:
        path = f"/repos/{repo}/check-runs/{check_run_id}/annotations?per_page=100"
        found: list[Json] = await self.api("GET", path, by=self.looker())
        return found

    async def statuses(self, repo: str, sha: str) -> list[Json]:
        path = f"/repos/{repo}/commits/{sha}/status"
        found: list[Json] = (await self.api("GET", path, by=self.looker()))["statuses"]
        return found

    async def deployments(self, repo: str, sha: str) -> list[tuple[str, list[Json]]]:
        """(environment, its statuses in order) of each, oldest first."""
        path = f"/repos/{repo}/deployments"
        found = await self.api("GET", f"{path}?sha={sha}", by=self.looker())
        return [
            (
                one["environment"],
                (await self.api("GET", f"{path}/{one['id']}/statuses", by=self.looker()))[::-1],
            )
            for one in reversed(found)
        ]

    async def comments(self, repo: str, number: int) -> list[Json]:
        path = f"/repos/{repo}/issues/{number}/comments?per_page=100"
        found: list[Json] = await self.api("GET", path, by=self.looker())
        return found

    async def reactions(self, repo: str, comment_id: int) -> list[str]:
        path = f"/repos/{repo}/issues/comments/{comment_id}/reactions"
        found = await self.api("GET", path, by=self.looker())
        return [one["content"] for one in found]
