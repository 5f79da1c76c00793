"""Notes on merge requests: written, changed, deleted, reacted to; and their hooks.

https://docs.gitlab.com/user/project/integrations/webhook_events/#comment-events: there is a hook for a
new note and for a changed one; none for a deleted one, and none for what the system notes.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass

from . import merging, quick_actions
from .access import level_of
from .errors import ApiError, forbidden, invalid, not_found
from .shapes.payloads import (
    NoteHook,
    note_attributes,
    project_hook,
    repository_hook,
    user_hook,
)
from .sim import Sim
from .state import DEVELOPER, REPORTER, Emoji, MergeRequest, Note, User

# https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics.
MOST_NOTE = 1_000_000
#: Names that GitLab knows (a few of some thousand); another one is answered 404 "Award Emoji Name".
EMOJIS = frozenset(
    {"thumbsup", "thumbsdown", "eyes", "rocket", "confused", "heart", "tada", "laughing", "robot"}
    | {"white_check_mark", "x", "no_entry", "hourglass", "warning", "question", "stop_sign"}
)


@dataclass(frozen=True, slots=True)
class Written:
    """``note`` None: all of it was quick actions, and ``summary`` tells what became of them."""

    note: Note | None
    summary: list[str]


async def write(
    sim: Sim, mr: MergeRequest, author: User, body: str, *, internal: bool = False, thread: bool = False
) -> Written:
    check(body)
    taken = quick_actions.extract(body)
    summary = [await _perform(sim, mr, author, name) for name, _ in taken.actions]
    if not taken.rest:
        return Written(None, summary)
    return Written(await _save(sim, mr, author, taken.rest, internal, thread), summary)


async def _perform(sim: Sim, mr: MergeRequest, by: User, name: str) -> str:
    """Only what bears on CI has an effect here; the others are taken just the same."""
    try:
        if name in ("approve", "unapprove"):
            if level_of(by, mr.target) < DEVELOPER:
                return f"Could not apply {name} command."
            if name == "approve":
                await merging.approve(sim, mr, by, None)
            else:
                await merging.unapprove(sim, mr, by)
        elif name in ("draft", "ready", "close", "reopen"):
            await _change(sim, mr, by, name)
    except ApiError:
        return f"Could not apply {name} command."
    return f"Applied the {name} command."


async def _change(sim: Sim, mr: MergeRequest, by: User, name: str) -> None:
    if level_of(by, mr.target) < REPORTER and by is not mr.author:
        raise forbidden()
    if name == "close":
        await merging.close(sim, mr, by)
    elif name == "reopen":
        await merging.reopen(sim, mr, by)
    else:
        title = re.sub(r"^(?:draft:|\[draft\]|\(draft\))\s*", "", mr.title, flags=re.IGNORECASE)
        await merging.change(sim, mr, by, {"title": f"Draft: {title}" if name == "draft" else title})


async def _save(
    sim: Sim, mr: MergeRequest, author: User, body: str, internal: bool, thread: bool
) -> Note:
    number = sim.world.next_id("note")
    digest = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
    discussion = ("d" if thread else "a") + digest[1:]
    note = Note(number, mr, author, body, internal=internal, discussion=discussion)
    mr.target.notes[number] = note
    mr.updated_at = time.time()
    await _tell(sim, note, "create", author)
    return note


async def edit(sim: Sim, note: Note, by: User, body: str) -> None:
    check(body)
    changed, note.body = note.body != body, body
    note.updated_at = time.time()
    if changed:
        await _tell(sim, note, "update", by)


def delete(note: Note) -> None:
    del note.mr.target.notes[note.id]


def check(body: str) -> None:
    if not body.strip():
        raise invalid("note", "can't be blank")
    if len(body) > MOST_NOTE:
        raise invalid("note", f"is too long (maximum is {MOST_NOTE} characters)")


async def _tell(sim: Sim, note: Note, action: str, by: User) -> None:
    project = note.mr.target
    status = await merging.detailed_status(sim, note.mr)
    kind = "confidential_note" if note.internal else "note"
    shape = NoteHook(
        object_kind="note",
        event_type=kind,
        user=user_hook(sim.urls, by),
        project_id=project.id,
        project=project_hook(sim.urls, project),
        object_attributes=note_attributes(sim.urls, note, action),
        repository=repository_hook(sim.urls, project, full=False),
        merge_request=await merging.attributes_of(sim, note.mr, status),
    )
    sim.hooks.emit(f"{kind}_hooks", project, shape.model_dump(mode="json"))


def react(sim: Sim, emojis: list[Emoji], by: User, name: str) -> Emoji:
    """https://docs.gitlab.com/api/emoji_reactions/#add-a-new-emoji-reaction: the same one twice is 404."""
    if name not in EMOJIS:
        raise not_found("Award Emoji Name is not a valid emoji name")
    if any(old.user is by and old.name == name for old in emojis):
        raise ApiError(404, "404 Award Emoji Name has already been taken Not Found")
    made = Emoji(sim.world.next_id("emoji"), by, name)
    emojis.append(made)
    return made
