"""A merge request as a person sees it: activity, the pipeline with its jobs, and the merge box."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ...rendering import as_seconds
from .. import merging, pipelines
from ..access import level_of
from ..state import DEVELOPER, MergeRequest, Note, User
from . import views
from .projects import CommitRow, frame, rows_of
from .render import Page

_EMOJI = {"thumbsup": "👍", "thumbsdown": "👎", "eyes": "👀", "rocket": "🚀", "confused": "😕"} | {
    "heart": "❤️",
    "tada": "🎉",
    "laughing": "😆",
    "robot": "🤖",
    "white_check_mark": "✅",
    "x": "❌",
    "no_entry": "⛔",
    "hourglass": "⏳",
    "warning": "⚠️",
    "question": "❓",
    "stop_sign": "🛑",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing of the activity: a note, or commits that were added."""

    at: float
    note: Note | None = None
    commits: tuple[CommitRow, ...] = ()
    role: str = ""
    emojis: tuple[tuple[str, int], ...] = ()


async def overview(page: Page) -> web.Response:
    mr = page.mr
    commits = await _commits(page, mr)
    return page.show(
        "merge_request.html",
        **_frame(mr, commits, "overview"),
        moments=_activity(page, mr, commits),
        participants=_participants(mr),
        **await _merge_box(page, mr),
    )


async def changes(page: Page) -> web.Response:
    mr = page.mr
    newest = mr.versions[-1]
    files = await page.sim.git.diff(mr.target.id, newest.base, newest.head)
    return page.show("changes.html", **_frame(mr, await _commits(page, mr), "changes"), files=files)


async def pipelines_tab(page: Page) -> web.Response:
    mr = page.mr
    rows = [views.badge(one) for one in pipelines.pipelines_of(mr)]
    shown = _frame(mr, await _commits(page, mr), "pipelines")
    return page.show("mr_pipelines.html", **shown, rows=rows)


def _frame(mr: MergeRequest, commits: list[CommitRow], view: str) -> dict[str, Any]:
    return {**frame(mr.target, "merge_requests"), "mr": mr, "commits": commits, "view": view}


def _participants(mr: MergeRequest) -> list[User]:
    said = [note.author for note in mr.target.notes.values() if note.mr is mr]
    return list({user.id: user for user in (mr.author, *said)}.values())


async def _commits(page: Page, mr: MergeRequest) -> list[CommitRow]:
    newest = mr.versions[-1]
    shas = await page.sim.git.list_commits(mr.target.id, newest.head, f"^{newest.base}")
    return await rows_of(page, mr.target, list(reversed(shas)))


def _activity(page: Page, mr: MergeRequest, commits: list[CommitRow]) -> list[Moment]:
    """Notes and commits by time; neighbouring commits are one moment."""
    found: list[tuple[float, int, Note | CommitRow]] = [
        (note.created_at, 1, note)
        for note in mr.target.notes.values()
        if note.mr is mr and (not note.internal or level_of(page.viewer, mr.target) >= DEVELOPER)
    ]
    found += [(as_seconds(row.commit.committer.date), 0, row) for row in commits]
    moments: list[Moment] = []
    for at, _, one in sorted(found, key=lambda item: item[:2]):
        if isinstance(one, Note):
            moments.append(_of_note(mr, one))
        elif moments and moments[-1].commits:
            before = moments.pop()
            moments.append(Moment(before.at, commits=(*before.commits, one)))
        else:
            moments.append(Moment(at, commits=(one,)))
    return moments


def _of_note(mr: MergeRequest, note: Note) -> Moment:
    counts = Counter(_EMOJI.get(emoji.name, f":{emoji.name}:") for emoji in note.emojis)
    return Moment(note.created_at, note=note, role=_role(mr, note.author), emojis=tuple(counts.items()))


def _role(mr: MergeRequest, user: User) -> str:
    level = level_of(user, mr.target)
    names = {50: "Owner", 40: "Maintainer", 30: "Developer", 20: "Reporter"}
    return "Bot" if user.bot else names.get(level, "")


async def _merge_box(page: Page, mr: MergeRequest) -> dict[str, Any]:
    """The pipeline of the newest commit, and whether it lets the merge request be merged."""
    pipeline = pipelines.head_pipeline(mr)
    status = await merging.detailed_status(page.sim, mr)
    return {
        "badge": views.badge(pipeline) if pipeline is not None else None,
        "jobs": views.jobs(pipeline) if pipeline is not None else [],
        "status": status,
        "reasons": views.reasons(mr, status),
        "must_succeed": mr.target.only_if_pipeline_succeeds,
        "may_merge": level_of(page.viewer, mr.target) >= DEVELOPER,
        "waiting": mr.auto_merge_by is not None,
    }
