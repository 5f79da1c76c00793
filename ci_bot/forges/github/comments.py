"""Our comments on a pull request, found again by their markers or written; our reactions. I/O.

https://docs.github.com/rest/issues/comments
"""

from __future__ import annotations

from typing import Any, Final

from ci_bot.core.errors import ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.values import CommentReport
from ci_bot.forges.github.auth import Identity
from ci_bot.forges.github.calls import GONE, Calls
from ci_bot.forges.github.permissions import COMMENTS, REACTIONS
from ci_bot.forges.payload import Fields, WrongShape
from ci_bot.forges.texts import cut

_MOST_BODY: Final = 65_536  # characters, says GitHub; the same in bytes is never more


async def write(
    calls: Calls, repo: Repo, number: int, comment: CommentReport, known: int | None, me: Identity
) -> int:
    """Returns the id of the comment, which is another one where somebody deleted the known one."""
    body = {"body": cut(comment.body, _MOST_BODY)}
    if known is not None and await _edited(calls, repo, known, body):
        return known
    found = await _find(calls, repo, number, comment.marker, me)
    if found is not None and await _edited(calls, repo, found, body):
        return found
    return await _create(calls, repo, number, body)


async def _edited(calls: Calls, repo: Repo, comment: int, body: dict[str, str]) -> bool:
    url = "/issues/comments/{comment}"
    try:
        await calls.write("PATCH", repo, COMMENTS, url, body, comment=comment)
    except ForgeError as error:
        if error.status in GONE:
            return False
        raise
    return True


async def _find(calls: Calls, repo: Repo, number: int, marker: str, me: Identity) -> int | None:
    """Anybody can write the marker, so it counts in our own comments alone."""
    url = "/issues/{number}/comments{?per_page,page}"
    try:
        async for item in calls.items(repo, COMMENTS, url, number=number, per_page=100):
            found = Fields.of(item)
            if _is_marked(found, marker) and await me.wrote(found):
                return found.id("id")
    except WrongShape as error:
        raise ForgeError("GitHub's list of comments makes no sense") from error
    return None


def _is_marked(comment: Fields, marker: str) -> bool:
    return comment.has("body") and comment.text("body").lstrip().startswith(marker)


async def _create(calls: Calls, repo: Repo, number: int, body: dict[str, str]) -> int:
    url = "/issues/{number}/comments"
    answer = await calls.write("POST", repo, COMMENTS, url, body, is_content=True, number=number)
    return _id(answer)


def _id(answer: Any) -> int:
    try:
        return Fields.of(answer).id("id")
    except WrongShape as error:
        raise ForgeError("GitHub's answer names no comment") from error


async def react(calls: Calls, repo: Repo, comment: int, content: str) -> None:
    """A reaction that is there already is answered 200, a new one 201; a comment may be gone.

    https://docs.github.com/rest/reactions/reactions#create-reaction-for-an-issue-comment
    """
    url = "/issues/comments/{comment}/reactions"
    try:
        await calls.write("POST", repo, REACTIONS, url, {"content": content}, comment=comment)
    except ForgeError as error:
        if error.status not in GONE:
            raise
