"""Hands for tests and the demo: sets the scene, pushes with real git, acts as people, looks.

People act over the forge's real REST API with their own tokens; only setting the scene uses
``/_sim/``. Every failed call raises ForgeCallFailed with the answer in it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from .gitpush import Change, ForgeCallFailed, push_change, push_refspecs

__all__ = ["ForgeCallFailed", "ForgeClient", "Person"]

Json = dict[str, Any]

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


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    id: int
    token: str


class ForgeClient:
    """Remembers the people it made, so that later calls name them by login (``by=``)."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.people: dict[str, Person] = {}
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    # --- setting the scene -------------------------------------------------------------------

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call below ``/_sim``; the answer's JSON."""
        return await self._call(method, f"{self.url}/_sim{path}", body, {})

    async def user(self, login: str) -> Person:
        """A person, made on first use; the same one afterwards."""
        if login not in self.people:
            made = await self.control("POST", "/users", {"login": login})
            self.people[login] = Person(made["login"], made["id"], made["token"])
        return self.people[login]

    async def organization(self, login: str, members: dict[str, str] | None = None) -> Json:
        body = {"login": login, "members": members or {}}
        made: Json = await self.control("POST", "/orgs", body)
        return made

    async def repo(
        self,
        full_name: str,
        files: dict[str, str] | None = None,
        *,
        private: bool = False,
        collaborators: dict[str, str] | None = None,
    ) -> Json:
        """{id, full_name, sha, clone_url, …}; an unknown owner becomes an organisation."""
        owner, name = full_name.split("/")
        body: Json = {"owner": owner, "name": name, "private": private}
        body["collaborators"] = collaborators or {}
        if files is not None:
            body["files"] = files
        made: Json = await self.control("POST", "/repos", body)
        return made

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

    async def install(self, app_id: int, account: str, repos: list[str] | None = None) -> int:
        """The installation id; ``repos`` None means all of the account's."""
        body = {"app_id": app_id, "account": account, "repositories": repos}
        made = await self.control("POST", "/installations", body)
        return int(made["id"])

    async def set_hook(self, app_id: int, url: str, secret: str | None = None) -> None:
        body = {"url": url} if secret is None else {"url": url, "secret": secret}
        await self.control("PUT", f"/apps/{app_id}/hook", body)

    async def fork(self, repo: str, owner: str) -> Json:
        await self.user(owner)
        made: Json = await self.control("POST", "/forks", {"repo": repo, "owner": owner})
        return made

    async def collaborator(self, repo: str, person: str, permission: str) -> None:
        """From now on: none, read, triage, write, maintain or admin."""
        await self.user(person)
        body = {"repo": repo, "login": person, "permission": permission}
        await self.control("POST", "/collaborators", body)

    async def remove_collaborator(self, repo: str, person: str) -> None:
        """What an organisation gives its members stays."""
        await self.collaborator(repo, person, "none")

    async def fault(self, kind: str, match: str = "", **more: Any) -> None:
        """See faults.Rule for kinds and fields."""
        await self.control("POST", "/faults", {"kind": kind, "match": match, **more})

    async def clear_faults(self) -> None:
        await self.control("DELETE", "/faults")

    async def settings(self, **fields: Any) -> None:
        """token_lifetime, nonmember_404, expire_tokens, reset_limits, limits (of config.Limits)."""
        await self.control("POST", "/settings", fields)

    async def deliver(
        self, app_id: int, event: str, payload: Any, headers: dict[str, str] | None = None
    ) -> int:
        """Send a hand-made, well-signed delivery; the status of the receiver's answer."""
        body = {"app_id": app_id, "event": event, "payload": payload, "headers": headers or {}}
        return int((await self.control("POST", "/deliver", body))["status"])

    async def quiet(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109  # asked of the forge
        """Wait until every queued webhook has been tried."""
        return bool((await self.control("POST", f"/quiet?timeout={timeout}"))["quiet"])

    async def violations(self) -> list[Json]:
        found: list[Json] = await self.control("GET", "/violations")
        return found

    async def ledger(self, since: int = 0) -> list[Json]:
        found: list[Json] = await self.control("GET", f"/ledger?since={since}")
        return found

    # --- acting as a person --------------------------------------------------------------------

    async def api(self, method: str, path: str, body: Any = None, *, by: str | None = None) -> Any:
        """A call of the REST API as that person (None: a stranger); the answer's JSON."""
        headers = {"Accept": "application/vnd.github+json"}
        if by is not None:
            headers["Authorization"] = f"Bearer {(await self.user(by)).token}"
        return await self._call(method, f"{self.url}/api/v3{path}", body, headers)

    async def push(
        self,
        repo: str,
        branch: str,
        files: dict[str, str | None],
        *,
        by: str,
        message: str = "Change files",
        base: str | None = None,
        force: bool = False,
    ) -> str:
        """Clone, commit (None deletes a file), push with real git; the sha.

        A new branch starts at ``base`` (the default branch). ``force`` replaces the branch by a
        commit on ``base``.
        """
        person = await self.user(by)
        email = f"{person.id}+{person.login}@users.noreply.example.com"
        change = Change(branch, files, message, base, force, person.login, email)
        return await push_change(self.remote(repo, person), change)

    async def push_refs(self, repo: str, *refspecs: str, by: str) -> None:
        """Push raw refspecs from a fresh clone, e.g. ``HEAD:refs/tags/v1`` or ``:refs/heads/x``."""
        await push_refspecs(self.remote(repo, await self.user(by)), refspecs)

    def remote(self, repo: str, person: Person) -> str:
        """The repository's address for git, with the person's token in it."""
        where = self.url.replace("://", f"://{person.login}:{person.token}@", 1)
        return f"{where}/{repo}.git"

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
        found: list[Json] = (await self.api("GET", path, by=self._looker()))["check_runs"]
        return found

    async def annotations(self, repo: str, check_run_id: int) -> list[Json]:
        path = f"/repos/{repo}/check-runs/{check_run_id}/annotations?per_page=100"
        found: list[Json] = await self.api("GET", path, by=self._looker())
        return found

    async def statuses(self, repo: str, sha: str) -> list[Json]:
        path = f"/repos/{repo}/commits/{sha}/status"
        found: list[Json] = (await self.api("GET", path, by=self._looker()))["statuses"]
        return found

    async def deployments(self, repo: str, sha: str) -> list[tuple[str, list[Json]]]:
        """(environment, its statuses in order) of each, oldest first."""
        path = f"/repos/{repo}/deployments"
        found = await self.api("GET", f"{path}?sha={sha}", by=self._looker())
        return [
            (
                one["environment"],
                (await self.api("GET", f"{path}/{one['id']}/statuses", by=self._looker()))[::-1],
            )
            for one in reversed(found)
        ]

    async def comments(self, repo: str, number: int) -> list[Json]:
        path = f"/repos/{repo}/issues/{number}/comments?per_page=100"
        found: list[Json] = await self.api("GET", path, by=self._looker())
        return found

    async def reactions(self, repo: str, comment_id: int) -> list[str]:
        path = f"/repos/{repo}/issues/comments/{comment_id}/reactions"
        found = await self.api("GET", path, by=self._looker())
        return [one["content"] for one in found]

    async def wait_check(
        self,
        repo: str,
        sha: str,
        name: str,
        *,
        until: str = "completed",
        conclusion: str | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109  # the error says what was seen instead
        after: int = 0,
    ) -> Json:
        """The newest check run of that name once it has that status (and conclusion).

        ``after`` waits for a run with a greater id (a new attempt). Raises TimeoutError, naming
        the checks that are there instead.
        """
        deadline, pause = time.monotonic() + timeout, 0.05
        while True:
            found = await self.checks(repo, sha)
            for run in found:
                same = run["name"] == name and run["id"] > after and run["status"] == until
                if same and conclusion in (None, run["conclusion"]):
                    return run
            if time.monotonic() > deadline:
                seen = [(run["name"], run["status"], run["conclusion"]) for run in found]
                raise TimeoutError(f"no {until} check {name!r} on {sha[:7]}; there are {seen}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, 0.25)  # a person who looks all the time is limited as well

    def _looker(self) -> str | None:
        """Looking is done as anyone who is there, so that private repositories can be seen."""
        return next(iter(self.people), None)

    async def _call(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Any:
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            json_type = "json" in answer.headers.get("Content-Type", "")
            content = await answer.json(content_type=None) if json_type and text else text
            if answer.status >= 400:
                raise ForgeCallFailed(f"{method} {url}", answer.status, content)
            return content
