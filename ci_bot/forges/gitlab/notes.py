"""Our notes under a merge request, found again by their markers or written; our reactions. I/O.

https://docs.gitlab.com/api/notes/#merge-requests
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ci_bot.core.effects import Reaction
from ci_bot.core.errors import ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.values import CommentReport
from ci_bot.forges.gitlab.client import GONE, Client
from ci_bot.forges.gitlab.facts import MERGE_REQUEST
from ci_bot.forges.payload import Fields, shaped
from ci_bot.forges.texts import cut

#: GitLab takes a million characters; nobody reads more than this.
#: https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics
_MOST_BODY: Final = 65_536

_NOTES: Final = MERGE_REQUEST + "/notes"
_NOTE: Final = MERGE_REQUEST + "/notes/{note}"

#: https://docs.gitlab.com/api/emoji_reactions/
_EMOJI: Final[Mapping[Reaction, str]] = MappingProxyType(
    {Reaction.TAKEN: "eyes", Reaction.DONE: "rocket", Reaction.NOT_DONE: "thumbsdown"}
)
_TAKEN: Final = "already been taken"


async def write(
    client: Client, repo: Repo, number: int, comment: CommentReport, known: int | None, me: int
) -> int:
    """Returns the number of the note, which is another one where somebody deleted the known one.

    It is looked for before it is written, since an answer to an earlier try may have been lost.
    """
    body = {"body": cut(comment.body, _MOST_BODY)}
    if known is not None and await _edited(client, repo, number, known, body):
        return known
    found = await _find(client, repo, number, comment.marker, me)
    if found is not None and await _edited(client, repo, number, found, body):
        return found
    answer = await client.write("post", _NOTES, body, is_note=True, project=repo.id, number=number)
    return shaped(lambda note: note.id("id"), answer)


async def _edited(client: Client, repo: Repo, number: int, note: int, body: Mapping[str, str]) -> bool:
    try:
        await client.write("put", _NOTE, body, project=repo.id, number=number, note=note)
    except ForgeError as error:
        if error.status in GONE:
            return False
        raise
    return True


async def _find(client: Client, repo: Repo, number: int, marker: str, me: int) -> int | None:
    """Anybody can write the marker, so it counts in our own notes alone."""
    query = {"sort": "asc", "order_by": "created_at"}
    async for item in client.items(_NOTES, query, project=repo.id, number=number):
        note = shaped(lambda one: one, item)
        if _is_ours(note, me) and _is_marked(note, marker):
            return shaped(lambda one: one.id("id"), item)
    return None


def _is_ours(note: Fields, me: int) -> bool:
    author = note.data.get("author")
    return isinstance(author, dict) and author.get("id") == me and note.data.get("system") is not True


def _is_marked(note: Fields, marker: str) -> bool:
    body = note.data.get("body")
    return isinstance(body, str) and body.lstrip().startswith(marker)


async def react(client: Client, repo: Repo, number: int, note: int, reaction: Reaction) -> None:
    """One that is there is refused, with 404 in older versions; a note may be gone. Both are fine.

    https://docs.gitlab.com/api/emoji_reactions/#add-reactions-to-comments
    """
    body = {"name": _EMOJI[reaction]}
    endpoint = _NOTE + "/award_emoji"
    try:
        await client.write("post", endpoint, body, project=repo.id, number=number, note=note)
    except ForgeError as error:
        if error.status not in GONE and _TAKEN not in str(error).lower():
            raise
