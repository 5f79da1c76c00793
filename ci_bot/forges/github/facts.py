"""What GitHub is asked about a repository; its JSON becomes our values here. I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.errors import FileTooLarge, ForgeError
from ci_bot.core.events import Access, Actor, Permission, Pull, Repo
from ci_bot.forges.github.calls import Calls
from ci_bot.forges.github.permissions import READ
from ci_bot.forges.github.values import pull_of
from ci_bot.forges.payload import Fields, WrongShape, shaped

#: "maintain" and "triage" arrive as write and read already.
#: https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
_PERMISSIONS: Final = MappingProxyType(
    {"admin": Permission.ADMIN, "write": Permission.WRITE, "read": Permission.READ}
)
_MOST_FILES_OF_PULL: Final = 3000
_MOST_FILES_COMPARED: Final = 300
_MOST_CONTENT: Final = 1024 * 1024  # bytes that the contents API gives out
#: What a 404 says when it is the commit that is missing, and not the file.
_NO_COMMIT: Final = "no commit found"

#: https://docs.github.com/rest/using-the-rest-api/issue-event-types#head_ref_force_pushed
_FORCED: Final = "head_ref_force_pushed"

_T = TypeVar("_T")


async def read_file(calls: Calls, repo: Repo, path: str, sha: str) -> bytes | None:
    """None where there is no such file; `ForgeError` where GitHub does not know the commit.

    GitHub leaves out the content of files above 1 MB: `FileTooLarge`.
    https://docs.github.com/rest/repos/contents#get-repository-content
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return None  # these would be tidied away, and name another resource
    url = "/contents{/parts*}{?ref}"
    try:
        answer = await calls.get(repo, READ, url, parts=parts, ref=sha)
    except ForgeError as error:
        if error.status == 404 and _NO_COMMIT not in str(error).lower():
            return None
        raise
    return _content(path, answer)


def _content(path: str, answer: Any) -> bytes | None:
    if not isinstance(answer, dict) or answer.get("type") != "file":
        return None  # a directory (a list), a symbolic link to nowhere, a submodule
    if answer.get("encoding") != "base64":
        raise FileTooLarge(path, _size(answer))
    try:
        return base64.b64decode(Fields.of(answer).text("content"))
    except (WrongShape, binascii.Error) as error:
        raise ForgeError(f"GitHub's answer does not hold {path}") from error


def _size(answer: Mapping[str, Any]) -> int:
    size = answer.get("size")
    return size if isinstance(size, int) else _MOST_CONTENT


async def pull(calls: Calls, repo: Repo, number: int) -> Pull:
    return shaped(pull_of, await calls.get(repo, READ, "/pulls/{number}", number=number))


async def pulls_of_head(calls: Calls, repo: Repo, sha: str) -> Sequence[Pull]:
    """GitHub lists every pull request that contains the commit: most are not at it.

    https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit
    """
    url = "/commits/{sha}/pulls{?per_page,page}"
    listed = [
        shaped(pull_of, item) async for item in calls.items(repo, READ, url, sha=sha, per_page=100)
    ]
    return [
        pull for pull in listed if pull.is_open and pull.head_sha == sha and not pull.is_from_fork(repo)
    ]


async def permission(calls: Calls, repo: Repo, actor: Actor) -> Access:
    """The login is asked about, since GitHub offers no other way; the number answers."""
    url = "/collaborators/{login}/permission"
    try:
        answer = await calls.get(repo, READ, url, login=actor.login)
    except ForgeError as error:
        if error.status == 404:
            return Access(actor.id, Permission.NONE)
        raise
    return shaped(_access, answer)


def _access(answer: Fields) -> Access:
    """An answer about nobody says nothing about the account we asked for: it is nobody's, too."""
    if not answer.has("user"):
        return Access(0, Permission.NONE)
    level = _PERMISSIONS.get(answer.name("permission"), Permission.NONE)
    return Access(answer.object("user").id("id"), level)


async def branch_head(calls: Calls, repo: Repo, branch: str) -> str | None:
    """https://docs.github.com/rest/git/refs#get-a-reference"""
    parts = ["heads", *branch.split("/")]
    if any(part in ("", ".", "..") for part in parts):
        return None
    try:
        answer = await calls.get(repo, READ, "/git/ref{/parts*}", parts=parts)
    except ForgeError as error:
        if error.status == 404:
            return None
        raise
    return shaped(lambda ref: ref.object("object").sha("sha"), answer)


async def commit_message(calls: Calls, repo: Repo, sha: str) -> str:
    """The answer lists the files of the commit, too: one a page keeps it small."""
    answer = await calls.get(repo, READ, "/commits/{sha}{?per_page}", sha=sha, per_page=1)
    return shaped(lambda commit: commit.object("commit").text("message"), answer)


async def changed_files(calls: Calls, repo: Repo, question: OfPull | Between) -> ChangedFiles:
    """Old names of renamed files too."""
    if isinstance(question, OfPull):
        return await _files_of_pull(calls, repo, question.number)
    return await _compared(calls, repo, question)


async def _files_of_pull(calls: Calls, repo: Repo, number: int) -> ChangedFiles:
    """GitHub ends the list after 3,000 files.

    https://docs.github.com/rest/pulls/pulls#list-pull-requests-files
    """
    url = "/pulls/{number}/files{?per_page,page}"
    listed = [
        shaped(_paths, item) async for item in calls.items(repo, READ, url, number=number, per_page=100)
    ]
    return ChangedFiles(_all(listed), is_whole=len(listed) < _MOST_FILES_OF_PULL)


async def _compared(calls: Calls, repo: Repo, question: Between) -> ChangedFiles:
    """GitHub compares with three dots. All files that it tells stand on the first page, 300 at most.

    https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    url = "/compare/{base}...{head}{?per_page,page}"
    where = {"base": question.base, "head": question.head, "per_page": 1, "page": 1}
    return shaped(_comparison, await calls.get(repo, READ, url, **where))


def _comparison(answer: Fields) -> ChangedFiles:
    listed = [_paths(entry) for entry in answer.objects("files")] if answer.has("files") else []
    return ChangedFiles(
        paths=_all(listed),
        is_whole=answer.has("files") and len(listed) < _MOST_FILES_COMPARED,
        leads_on=answer.name("status") in ("ahead", "identical"),
        start=answer.object("merge_base_commit").sha("sha"),
    )


def _all(listed: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for paths in listed for path in paths))


def _paths(entry: Fields) -> tuple[str, ...]:
    name = entry.text("filename")
    return (name, entry.text("previous_filename")) if entry.has("previous_filename") else (name,)


async def forced_at(calls: Calls, repo: Repo, number: int) -> float | None:
    """Events come oldest first, so a list that cannot be read to its end could hide the newest move.

    https://docs.github.com/rest/issues/events#list-issue-events
    """
    url = "/issues/{number}/events{?per_page,page}"
    listed = calls.items(repo, READ, url, is_whole=True, number=number, per_page=100)
    moments = [shaped(_forced_at, item) async for item in listed]
    return max((moment for moment in moments if moment is not None), default=None)


def _forced_at(event: Fields) -> float | None:
    return event.moment("created_at") if event.name("event") == _FORCED else None
