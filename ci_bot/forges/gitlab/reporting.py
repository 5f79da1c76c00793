"""A check of ours in; a status in the project or the fork, or a warning in the note that there is none, out. I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ci_bot.core.errors import ForgeBusy, ForgeDenied, ForgeError
from ci_bot.core.events import Repo
from ci_bot.core.report.names import GATE
from ci_bot.core.report.values import CheckReport, CommentReport, Spot
from ci_bot.forges.gitlab import statuses
from ci_bot.forges.gitlab.client import GONE, Client
from ci_bot.forges.gitlab.heads import Heads
from ci_bot.forges.gitlab.statuses import Place
from ci_bot.forges.payload import shaped

#: Beneath the sticky note of a merge request whose fork does not take our statuses.
NOT_GATED: Final = (
    "_This merge request comes from a fork where `@{bot}` is no Developer, and GitLab takes a status from "
    "Developers of the fork alone: the result stands here, and keeps nobody from merging. Whoever owns the "
    "fork can add `@{bot}` as a Developer._"
)
REFUSED: Final = (
    "{why}; statuses are taken from Developers of the project on, and on a protected branch from who may push "
    "or merge there: `ci-bot doctor --repo` says which it is"
)
_REFS: Final = "refs/merge-requests/"  # of the target project, for what a fork does not take
_STICKY: Final = "<!-- ci-bot:pull:"

_STATUS: Final = "status"
#: The forge shows it nowhere: neither the fork nor the target project takes it.
_NOWHERE: Final = "nowhere:"


@dataclass(frozen=True, slots=True)
class Me:
    """The account of our token."""

    id: int
    username: str


async def me(client: Client) -> Me:
    """https://docs.gitlab.com/api/users/#retrieve-the-current-user"""
    return shaped(lambda user: Me(user.id("id"), user.name("username")), await client.get("/user"))


async def publish(
    client: Client,
    heads: Heads,
    bot: Me,
    repo: Repo,
    spot: Spot,
    report: CheckReport,
    handle: str | None,
) -> str:
    """Its handle, which keeps the project, the pipeline and the ref that it stands in."""
    known = _place(handle)
    place = heads.with_pipeline(spot.sha, known) if known else await heads.place(repo, spot)
    if place.project == repo.id and not place.ref.startswith(_REFS):
        return await _at_home(client, heads, bot, place, spot, report)
    if place.project != repo.id and await heads.takes_ours(place.project, bot.id):
        try:
            return await _sent(client, heads, bot, place, spot, report)
        except ForgeDenied:
            heads.refused(place.project)
    beside = place if place.project == repo.id else heads.beside(repo, spot)
    return await _beside(client, heads, bot, beside, spot, report)


async def _at_home(
    client: Client, heads: Heads, bot: Me, place: Place, spot: Spot, report: CheckReport
) -> str:
    try:
        return await _sent(client, heads, bot, place, spot, report)
    except ForgeDenied as error:
        raise ForgeDenied(REFUSED.format(why=error), error.status) from error


async def _beside(
    client: Client, heads: Heads, bot: Me, place: Place, spot: Spot, report: CheckReport
) -> str:
    """The target project may know the fork's commit or not: versions of GitLab differ."""
    try:
        return await _sent(client, heads, bot, place, spot, report)
    except ForgeBusy:
        raise
    except ForgeError as error:
        if error.status not in (400, 403, *GONE):
            raise
        return _NOWHERE


async def _sent(
    client: Client, heads: Heads, bot: Me, place: Place, spot: Spot, report: CheckReport
) -> str:
    if not place.pipeline and _was_begun(report):
        found = await statuses.pipeline_of(client, spot.sha, GATE, place, bot.id)
        place = replace(place, pipeline=found)
    shown = await statuses.publish(client, spot, report, place)
    heads.saw(spot.sha, shown)
    return f"{_STATUS}:{shown.project}:{shown.pipeline}:{shown.ref}"


def _was_begun(report: CheckReport) -> bool:
    """The gate is shown first: what comes later belongs into its pipeline, also after a restart."""
    return report.name.startswith(f"{GATE} / ")


def _place(handle: str | None) -> Place | None:
    """None for no handle, and for what was shown nowhere: it is tried anew."""
    if handle is None or handle == _NOWHERE:
        return None
    kind, project, pipeline, ref = (*handle.split(":", 3), "", "", "", "")[:4]
    if kind != _STATUS or not (project.isdecimal() and pipeline.isdecimal()):
        raise ForgeError(f"{handle!r} is no status of GitLab's")
    return Place(int(project), ref, int(pipeline))


async def with_warning(
    heads: Heads, bot: Me, repo: Repo, number: int, comment: CommentReport
) -> CommentReport:
    """The sticky note says where its merge request is not gated."""
    if not comment.marker.startswith(_STICKY):
        return comment
    fork = await heads.fork_of(repo, number)
    if fork is None or await heads.takes_ours(fork, bot.id):
        return comment
    return replace(comment, body=f"{comment.body}\n\n{NOT_GATED.format(bot=bot.username)}")
