"""What GitLab is asked about a project; its JSON becomes our values here. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ci_bot.core.changes import Between, ChangedFiles, OfPull
from ci_bot.core.errors import FileTooLarge, ForgeError
from ci_bot.core.events import Access, Actor, Pull, Repo
from ci_bot.forges.gitlab.client import Client
from ci_bot.forges.gitlab.levels import Levels
from ci_bot.forges.gitlab.values import pull_of
from ci_bot.forges.payload import Fields, WrongShape, shaped

MERGE_REQUEST: Final = "/projects/{project}/merge_requests/{number}"

NOT_PREPARED: Final = "GitLab has not prepared the merge request !{number} yet"

_MOST_CONTENT: Final = 1024 * 1024  # bytes of a file that is read through the API
#: What a 404 says when it is the file that is missing, and not the commit or the project.
_NO_FILE: Final = "file not found"
_ACTIVE: Final = "active"
#: More files than this may have been left out of a comparison; of fewer GitLab leaves out none.
#: https://docs.gitlab.com/administration/diff_limits/
_MOST_FILES_COMPARED: Final = 1000


async def read_file(client: Client, repo: Repo, path: str, sha: str) -> bytes | None:
    """None where there is no such file; `ForgeError` where GitLab does not know the commit.

    A fork's commit is known to the target project as soon as its merge request is.
    https://docs.gitlab.com/api/repository_files/#get-raw-file-from-repository
    """
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    endpoint = "/projects/{project}/repository/files/{path}/raw"
    try:
        return await client.file(endpoint, {"ref": sha}, _MOST_CONTENT, project=repo.id, path=path)
    except FileTooLarge as error:
        raise FileTooLarge(path, error.length) from error
    except ForgeError as error:
        if error.status == 404 and _NO_FILE in str(error).lower():
            return None
        raise


async def pull(client: Client, repo: Repo, number: int) -> Pull:
    """Of a new one GitLab works out the diff a moment after it tells of it: `ForgeError` 409, and it is asked again.

    https://docs.gitlab.com/api/merge_requests/#empty-api-fields-for-new-merge-requests
    """
    answer = await client.get(MERGE_REQUEST, project=repo.id, number=number)
    if isinstance(answer, dict) and answer.get("state") == "opened" and not answer.get("diff_refs"):
        raise ForgeError(NOT_PREPARED.format(number=number), 409)
    return shaped(pull_of, answer)


async def pulls_of_head(client: Client, repo: Repo, sha: str) -> Sequence[Pull]:
    """GitLab lists every merge request that the commit is in, and not what each is compared with.

    https://docs.gitlab.com/api/commits/#list-merge-requests-associated-with-a-commit
    """
    endpoint = "/projects/{project}/repository/commits/{sha}/merge_requests"
    listed = client.items(endpoint, {"state": "opened"}, project=repo.id, sha=sha)
    found = [shaped(pull_of, item) async for item in listed if _is_of(item, repo, sha)]
    return [await pull(client, repo, one.number) for one in found if one.is_open]


def _is_of(item: Any, repo: Repo, sha: str) -> bool:
    """Also keeps out what is in no state to be read, such as one without a commit."""
    if not isinstance(item, dict):
        return False
    return item.get("sha") == sha and item.get("source_project_id") == repo.id == item.get("project_id")


async def permission(client: Client, levels: Levels, repo: Repo, actor: Actor) -> Access:
    """By the number, with what groups and invitations give. Nobody who is blocked or expired has any.

    https://docs.gitlab.com/api/project_members/#retrieve-an-inherited-or-invited-member-of-a-project
    """
    level = await access_level(client, repo.id, actor.id)
    return Access(actor.id, levels.permission(level), may_approve=level >= levels.approve)


async def access_level(client: Client, project: int, account: int) -> int:
    """0 for somebody who is no member, or not now."""
    endpoint = "/projects/{project}/members/all/{account}"
    try:
        answer = await client.get(endpoint, project=project, account=account)
    except ForgeError as error:
        if error.status == 404:
            return 0
        raise
    today = datetime.fromtimestamp(client.now(), UTC).date().isoformat()
    return shaped(lambda member: _level(member, account, today), answer)


def _level(member: Fields, account: int, today: str) -> int:
    """An answer about somebody else says nothing about the account that we asked for."""
    if member.id("id") != account or not _is_active(member, today):
        return 0
    level = member.data.get("access_level")
    if type(level) is not int:
        raise WrongShape("access_level must be a number")
    return level


def _is_active(member: Fields, today: str) -> bool:
    """`state` is the account's, `membership_state` that of a seat which may have to be paid for first."""
    if member.data.get("state") != _ACTIVE or member.data.get("locked") is True:
        return False
    if member.data.get("membership_state", _ACTIVE) != _ACTIVE:
        return False
    return not member.has("expires_at") or member.name("expires_at") > today


async def branch_head(client: Client, repo: Repo, branch: str) -> str | None:
    """https://docs.gitlab.com/api/branches/#get-single-repository-branch"""
    endpoint = "/projects/{project}/repository/branches/{branch}"
    try:
        answer = await client.get(endpoint, project=repo.id, branch=branch)
    except ForgeError as error:
        if error.status == 404:
            return None
        raise
    return shaped(lambda found: found.object("commit").sha("id"), answer)


async def commit_message(client: Client, repo: Repo, sha: str) -> str:
    endpoint = "/projects/{project}/repository/commits/{sha}"
    answer = await client.get(endpoint, {"stats": "false"}, project=repo.id, sha=sha)
    return shaped(lambda commit: commit.text("message"), answer)


async def changed_files(client: Client, repo: Repo, question: OfPull | Between) -> ChangedFiles:
    """Old names of renamed files too."""
    if isinstance(question, OfPull):
        return await _files_of_pull(client, repo, question.number)
    return await _compared(client, repo, question)


async def _files_of_pull(client: Client, repo: Repo, number: int) -> ChangedFiles:
    """How many there are the merge request says itself: "1000+" where its diff was cut.

    https://docs.gitlab.com/api/merge_requests/#list-merge-request-diffs
    """
    told = await client.get(MERGE_REQUEST, project=repo.id, number=number)
    listed = client.items(MERGE_REQUEST + "/diffs", project=repo.id, number=number)
    paths = [shaped(_paths, item) async for item in listed]
    return ChangedFiles(
        _all(paths), is_whole=_count(told) is not None and len(paths) >= (_count(told) or 0)
    )


def _count(answer: Any) -> int | None:
    told = answer.get("changes_count") if isinstance(answer, dict) else None
    return int(told) if isinstance(told, str) and told.isascii() and told.isdecimal() else None


async def _compared(client: Client, repo: Repo, question: Between) -> ChangedFiles:
    """GitLab compares with three dots unless asked otherwise; where both parted it tells elsewhere.

    https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits
    https://docs.gitlab.com/api/repositories/#get-merge-base
    """
    both = {"refs[]": [question.base, question.head]}
    answer = await client.get("/projects/{project}/repository/merge_base", both, project=repo.id)
    start = shaped(lambda found: found.sha("id"), answer)
    ends = {"from": question.base, "to": question.head}
    compared = await client.get("/projects/{project}/repository/compare", ends, project=repo.id)
    return shaped(lambda found: _comparison(found, question, start), compared)


def _comparison(answer: Fields, question: Between, start: str) -> ChangedFiles:
    listed = [_paths(entry) for entry in answer.objects("diffs")]
    return ChangedFiles(
        paths=_all(listed),
        is_whole=len(listed) < _MOST_FILES_COMPARED and answer.data.get("compare_timeout") is not True,
        leads_on=start == question.base,
        start=start,
    )


def _all(listed: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for paths in listed for path in paths))


def _paths(entry: Fields) -> tuple[str, ...]:
    new, old = entry.text("new_path"), entry.text("old_path")
    return (new,) if new == old else (new, old)


async def forced_at(client: Client, repo: Repo, number: int) -> float | None:
    """GitLab does not say which moves were forced, but keeps every head that there was, newest first.

    A head that was left and came back must have been forced to; then the newest move is given, at the
    latest of which it came back. Others harm nobody: a command names them or their time.
    https://docs.gitlab.com/api/merge_requests/#list-merge-request-diff-versions
    """
    listed = client.items(MERGE_REQUEST + "/versions", project=repo.id, number=number)
    moves: list[tuple[str, float]] = []
    async for item in listed:
        head, at = shaped(lambda one: (one.sha("head_commit_sha"), one.moment("created_at")), item)
        if moves and moves[-1][0] == head:
            moves[-1] = (
                head,
                at,
            )  # the same head against another base; it is there since the older one
        else:
            moves.append((head, at))
    came_back = bool(moves) and moves[0][0] in {head for head, _ in moves[1:]}
    return moves[0][1] if came_back else None
