"""Notes, threads and emoji of merge requests: https://docs.gitlab.com/api/notes/, /discussions/, /emoji_reactions/."""

from __future__ import annotations

from typing import Literal

from .. import noting
from ..access import level_of
from ..errors import forbidden, not_found
from ..exchange import Call, Paged, Params, Reply, Route
from ..shapes.common import Shape
from ..shapes.merging import DiscussionShape, emoji_shape, note_shape
from ..state import GUEST, MAINTAINER, NO_ACCESS, REPORTER, Emoji, MergeRequest, Note


class Notes(Paged):
    sort: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at", "updated_at"] = "created_at"
    activity_filter: Literal["all_notes", "only_comments", "only_activity"] = "all_notes"


def _visible(call: Call, mr: MergeRequest) -> list[Note]:
    """Internal notes are for reporters."""
    inside = level_of(call.caller.user, mr.target) >= REPORTER
    return [n for n in mr.target.notes.values() if n.mr is mr and (inside or not n.internal)]


async def _list(call: Call) -> Reply:
    wanted = call.params(Notes)
    found = [
        note
        for note in _visible(call, call.mr)
        if wanted.activity_filter == "all_notes"
        or note.system == (wanted.activity_filter == "only_activity")
    ]
    key = wanted.order_by
    found.sort(key=lambda n: (getattr(n, key), n.id), reverse=wanted.sort == "desc")
    items, headers = call.page(found)
    return Reply(body=[note_shape(call.sim.urls, one) for one in items], headers=headers)


def _note(call: Call) -> Note:
    number = call.number("note_id")
    found = next((one for one in _visible(call, call.mr) if one.id == number), None)
    if found is None:
        raise not_found("Note")
    return found


async def _one(call: Call) -> Reply:
    return Reply(body=note_shape(call.sim.urls, _note(call)))


class NewNote(Params):
    body: str
    confidential: bool = False
    internal: bool = False
    created_at: str | None = None
    merge_request_diff_head_sha: str | None = None


async def _write(call: Call) -> Reply:
    """Whoever may see the project may write: members, and everybody who is logged in where it is public."""
    wanted, mr = call.params(NewNote), call.mr
    call.sim.limits.act(call.caller.who, "notes", call.sim.limits.limits.notes_a_minute)
    internal = wanted.internal or wanted.confidential
    made = await noting.write(call.sim, mr, call.user, wanted.body, internal=internal)
    if made.note is None:
        return _taken(made)
    return Reply(201, note_shape(call.sim.urls, made.note), made=made.note.id)


class NoteCommands(Shape):
    """lib/api/entities/note.rb: the answer where a comment held quick actions only."""

    commands_changes: dict[str, str]
    summary: list[str]


def _taken(made: noting.Written) -> Reply:
    """lib/api/helpers/notes_helpers.rb."""
    return Reply(202, NoteCommands(commands_changes={}, summary=made.summary))


class ChangedNote(Params):
    body: str


def _own(call: Call) -> Note:
    """One's own; maintainers may change anybody's."""
    note = _note(call)
    if note.author is not call.user and level_of(call.user, call.project) < MAINTAINER:
        raise forbidden()
    return note


async def _change(call: Call) -> Reply:
    note = _own(call)
    await noting.edit(call.sim, note, call.user, call.params(ChangedNote).body)
    return Reply(body=note_shape(call.sim.urls, note))


async def _delete(call: Call) -> Reply:
    noting.delete(_own(call))
    return Reply(204)


async def _discussions(call: Call) -> Reply:
    threads: dict[str, list[Note]] = {}
    for note in _visible(call, call.mr):
        threads.setdefault(note.discussion, []).append(note)
    items, headers = call.page(list(threads.items()))
    urls = call.sim.urls
    shapes = [
        DiscussionShape(
            id=key,
            individual_note=not key.startswith("d"),
            notes=[note_shape(urls, one) for one in notes],
        )
        for key, notes in items
    ]
    return Reply(body=shapes, headers=headers)


async def _thread(call: Call) -> Reply:
    wanted = call.params(NewNote)
    call.sim.limits.act(call.caller.who, "notes", call.sim.limits.limits.notes_a_minute)
    made = await noting.write(call.sim, call.mr, call.user, wanted.body, thread=True)
    if (note := made.note) is None:
        return _taken(made)
    shape = note_shape(call.sim.urls, note)
    body = DiscussionShape(id=note.discussion, individual_note=False, notes=[shape])
    return Reply(201, body, made=note.discussion)


class NewEmoji(Params):
    name: str


def _awardable(call: Call) -> tuple[Note | MergeRequest, list[Emoji]]:
    owner = _note(call) if "note_id" in call.args else call.mr
    return owner, owner.emojis


async def _emojis(call: Call) -> Reply:
    owner, found = _awardable(call)
    items, headers = call.page(found)
    return Reply(body=[emoji_shape(call.sim.urls, one, owner) for one in items], headers=headers)


async def _award(call: Call) -> Reply:
    owner, emojis = _awardable(call)
    made = noting.react(call.sim, emojis, call.user, call.params(NewEmoji).name)
    return Reply(201, emoji_shape(call.sim.urls, made, owner), made=made.id)


async def _unaward(call: Call) -> Reply:
    _, emojis = _awardable(call)
    found = next((one for one in emojis if one.id == call.number("award_id")), None)
    if found is None:
        raise not_found()
    if found.user is not call.user:
        raise forbidden()
    emojis.remove(found)
    return Reply(204)


_ONE = "/projects/{id}/merge_requests/{iid}"
_NOTE = f"{_ONE}/notes/{{note_id}}"


def _emoji_routes(base: str) -> tuple[Route, ...]:
    return (
        Route("GET", f"{base}/award_emoji", _emojis, Paged),
        Route("POST", f"{base}/award_emoji", _award, NewEmoji, NO_ACCESS),
        Route("DELETE", f"{base}/award_emoji/{{award_id}}", _unaward, level=NO_ACCESS),
    )


ROUTES = (
    Route("GET", f"{_ONE}/notes", _list, Notes),
    Route("POST", f"{_ONE}/notes", _write, NewNote, GUEST),
    Route("GET", _NOTE, _one),
    Route("PUT", _NOTE, _change, ChangedNote, NO_ACCESS),
    Route("DELETE", _NOTE, _delete, level=NO_ACCESS),
    Route("GET", f"{_ONE}/discussions", _discussions, Paged),
    Route("POST", f"{_ONE}/discussions", _thread, NewNote, GUEST),
    *_emoji_routes(_ONE),
    *_emoji_routes(_NOTE),
)
