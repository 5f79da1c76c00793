"""A pull request as a person sees it: the conversation and the merge box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .. import pulling
from ..gates import gates, has_queue
from ..rendering import as_seconds
from ..shapes.pulls import association
from ..state import RANK, Account, Comment, Pull
from . import views
from .render import Page
from .repo import CommitRow, rows_of

_EMOJI = {"+1": "👍", "-1": "👎", "laugh": "😄", "hooray": "🎉"} | {
    "confused": "😕",
    "heart": "❤️",
    "rocket": "🚀",
    "eyes": "👀",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing of the timeline; ``kind`` says which of the others is set."""

    at: float
    kind: str
    comment: Comment | None = None
    commits: tuple[CommitRow, ...] = ()
    role: str = ""
    reactions: tuple[tuple[str, int], ...] = ()


async def conversation(page: Page) -> web.Response:
    pull = page.pull
    commits = await _commits(page, pull)
    return page.show(
        "pull.html",
        **_frame(pull, commits),
        view="conversation",
        moments=_timeline(page, pull, commits),
        gates=gates(pull),
        participants=_participants(pull),
        **await merge_box(page, pull),
    )


def _participants(pull: Pull) -> list[Account]:
    said = [c.user for c in pull.base.comments.values() if c.number == pull.number]
    return list({account.id: account for account in (pull.user, *said)}.values())


async def files(page: Page) -> web.Response:
    pull, git = page.pull, page.sim.git
    start = await git.merge_base(pull.base.id, pull.base_sha, pull.head_sha)
    changed = await git.diff(pull.base.id, start or pull.base_sha, pull.head_sha)
    commits = await _commits(page, pull)
    return page.show("files.html", **_frame(pull, commits), view="files", files=changed)


def _frame(pull: Pull, commits: list[CommitRow]) -> dict[str, Any]:
    repo = pull.base
    open_pulls = sum(1 for one in repo.pulls.values() if one.state == "open")
    return {
        "repo": repo,
        "tab": "pulls",
        "open_pulls": open_pulls,
        "pull": pull,
        "commits": commits,
        "state": _state(pull),
    }


def _state(pull: Pull) -> str:
    if pull.merged_at is not None:
        return "merged"
    if pull.state == "closed":
        return "closed"
    return "draft" if pull.draft else "open"


async def _commits(page: Page, pull: Pull) -> list[CommitRow]:
    git, repo = page.sim.git, pull.base.id
    start = pull.base_sha
    if pull.merged_at is not None and pull.merge_sha:
        start = f"{pull.merge_sha}^1"
    shas = await git.list_commits(repo, pull.head_sha, f"^{start}")
    return await rows_of(page, pull.base, list(reversed(shas)))


def _timeline(page: Page, pull: Pull, commits: list[CommitRow]) -> list[Moment]:
    """Comments and commits by time; neighbouring commits are one moment."""
    found: list[tuple[float, int, Comment | CommitRow]] = [
        (comment.created_at, 1, comment)
        for comment in pull.base.comments.values()
        if comment.number == pull.number
    ]
    found += [(as_seconds(row.commit.committer.date), 0, row) for row in commits]
    moments: list[Moment] = []
    for at, _, one in sorted(found, key=lambda item: item[:2]):
        if isinstance(one, Comment):
            moments.append(_comment_moment(page, pull, one))
        elif moments and moments[-1].kind == "commits":
            before = moments.pop()
            moments.append(Moment(before.at, "commits", commits=(*before.commits, one)))
        else:
            moments.append(Moment(at, "commits", commits=(one,)))
    return moments


def _comment_moment(page: Page, pull: Pull, comment: Comment) -> Moment:
    counts = {
        emoji: sum(1 for r in comment.reactions if r.content == kind) for kind, emoji in _EMOJI.items()
    }
    return Moment(
        comment.created_at,
        "comment",
        comment=comment,
        role=role_label(page, pull, comment),
        reactions=tuple((emoji, number) for emoji, number in counts.items() if number),
    )


def role_label(page: Page, pull: Pull, comment: Comment) -> str:
    if comment.app is not None:
        return "bot"
    word = association(page.sim.world, comment.user, pull.base)
    return "" if word == "NONE" else word.capitalize()


async def merge_box(page: Page, pull: Pull) -> dict[str, Any]:
    """The checks of the newest head, and whether branch protection lets it be merged."""
    required = gates(pull)
    rows = views.lines(pull.base, pull.head_sha, required)
    user = page.viewer
    allowed = user is not None and RANK[page.sim.world.role(user, pull.base)] >= RANK["write"]
    return {
        "lines": rows,
        "verdict": views.verdict(rows),
        "blockers": await pulling.blockers(page.sim, pull),
        "may_merge": allowed,
        "has_queue": has_queue(pull.base, pull.base_ref),
        "queued": any(one.pull is pull for one in pull.base.queue),
        "conflicts": await _conflicts(page, pull),
    }


async def _conflicts(page: Page, pull: Pull) -> bool:
    if pull.state != "open":
        return False
    tree = await page.sim.git.merge_tree(pull.base.id, pull.base_sha, pull.head_sha)
    return tree is None
