"""What tests and the demo can do on any simulated forge, in the same words: one protocol, two clients.

Setting the scene uses ``/_sim/``; people act over the forge's real REST API with their own tokens, and
push with real git. Every failed call raises ForgeCallFailed with the answer in it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp

from .gitpush import Change, ForgeCallFailed, push_change, push_refspecs

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    id: int
    token: str


class Hands(Protocol):
    """Remembers the people it made, so that later calls name them by login (``by=``).

    The methods with a body are the same everywhere. Roles are none, read, triage, write, maintain and
    admin. A pull request is told as {number, title, body, state, merged, draft, head: {sha, ref},
    base: {ref}, mergeable_state, …}, a comment as {id, body, user: {login, id}, …}, a check as {id,
    name, status, conclusion, details_url, output: {title, summary, text}, …}: a forge may say more.
    """

    url: str
    people: dict[str, Person]
    session: aiohttp.ClientSession

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
        await self.session.close()

    # --- setting the scene -------------------------------------------------------------------

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call below ``/_sim``; the answer's JSON."""
        return await self.call(method, f"{self.url}/_sim{path}", body, {})

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
        owner, _, name = full_name.rpartition("/")
        body: Json = {"owner": owner, "name": name, "private": private}
        body["collaborators"] = collaborators or {}
        if files is not None:
            body["files"] = files
        made: Json = await self.control("POST", "/repos", body)
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
        """What can be changed is written at ``_settings`` of the forge's control.py."""
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
        ...

    async def pull(self, repo: str, number: int, *, by: str | None = None) -> Json: ...

    async def change_pull(self, repo: str, number: int, *, by: str, **fields: Any) -> Json:
        """``state``, ``title``, ``body`` or ``base``."""
        ...

    async def draft(self, repo: str, number: int, draft: bool, *, by: str) -> None:
        """Marks a pull request as ready for review, or as a draft again."""
        ...

    async def label(self, repo: str, number: int, label: str, *, by: str) -> None: ...

    async def merge(self, repo: str, number: int, *, by: str, **fields: Any) -> Json:
        """Raises ForgeCallFailed with status 405 where the forge's rules say no."""
        ...

    async def protect(
        self,
        repo: str,
        *contexts: str,
        by: str,
        branch: str = "main",
        app_id: int = -1,
        strict: bool = False,
    ) -> None:
        """Nothing is merged before what the forge can ask for (checks by name, or all) has passed."""
        ...

    async def comment(self, repo: str, number: int, text: str, *, by: str) -> Json: ...

    async def delete_comment(self, repo: str, comment_id: int, *, by: str) -> None: ...

    async def edit_comment(self, repo: str, comment_id: int, text: str, *, by: str) -> None: ...

    # --- looking -----------------------------------------------------------------------------

    async def checks(self, repo: str, sha: str, *, all_attempts: bool = False) -> list[Json]:
        """Checks of a commit, newest first; the latest of each name unless all are wanted."""
        ...

    async def deployments(self, repo: str, sha: str) -> list[tuple[str, list[Json]]]:
        """(environment, its statuses in order) of each, oldest first."""
        ...

    async def comments(self, repo: str, number: int) -> list[Json]:
        """What people and bots wrote, oldest first."""
        ...

    async def reactions(self, repo: str, comment_id: int) -> list[str]:
        """``+1``, ``-1``, ``eyes``, ``rocket``, ``confused``, … in order."""
        ...

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
        """The newest check of that name once it has that status (and conclusion).

        ``after`` waits for one with a greater id (a new attempt). Raises TimeoutError, naming
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

    def looker(self) -> str | None:
        """Looking is done as anyone who is there, so that private repositories can be seen."""
        return next(iter(self.people), None)

    async def call(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Any:
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            json_type = "json" in answer.headers.get("Content-Type", "")
            content = await answer.json(content_type=None) if json_type and text else text
            if answer.status >= 400:
                raise ForgeCallFailed(f"{method} {url}", answer.status, content)
            return content
